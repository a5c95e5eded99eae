"""What PagerDuty remembers, kept here: crawled, searched, counted, told as a report.

Belongs here: the crawl, condensing a story into a record, figures and their definitions, search, reports; the driver of its own
SQLite file in ``sqlite``. May talk to: PagerDuty and the record of our own incidents through protocols (``base``), the clock.
Must never do: stand in the way of a page, or keep anything of a person but the name.
"""
