"""The way out over HTTP/1.1, for every service that is told something: connections, pools, deadlines, bounded answers.

The only room beside ``cli`` that imports httpx. May talk to: the network. Must never do: know a service, decide whether or when
something is sent, read an answer's meaning, follow a redirect.
"""
