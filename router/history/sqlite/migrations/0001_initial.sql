-- compatible down to: 1
--
-- PagerDuty's past. All of it can be crawled again. Times are milliseconds since 1970 UTC, bodies are JSON.

CREATE TABLE meta (
  name TEXT PRIMARY KEY,
  value NOT NULL
) WITHOUT ROWID;

-- The crawl: what is to be listed, and what was.
CREATE TABLE spans (
  id INTEGER PRIMARY KEY,
  scope TEXT NOT NULL,
  kind TEXT NOT NULL,
  since INTEGER NOT NULL,
  until INTEGER NOT NULL,
  made_at INTEGER NOT NULL,
  done INTEGER NOT NULL DEFAULT 0
);

-- `unread`: 0 its story is here, 1 it is to be read, 2 the incident too. `read_at`: when that was.
CREATE TABLE incidents (
  number INTEGER PRIMARY KEY,
  pagerduty_id TEXT NOT NULL UNIQUE,
  created_at INTEGER NOT NULL,
  unread INTEGER NOT NULL,
  read_at INTEGER NOT NULL,
  kind TEXT NOT NULL,
  body TEXT NOT NULL
);
CREATE INDEX incidents_created ON incidents (created_at);
CREATE INDEX incidents_unread ON incidents (created_at) WHERE unread > 0;
CREATE INDEX incidents_kind ON incidents (kind, created_at);

CREATE TABLE stories (
  number INTEGER PRIMARY KEY,
  body TEXT NOT NULL
);

-- What is searched. The index holds no text of its own: it reads it from here.
CREATE TABLE texts (
  number INTEGER PRIMARY KEY,
  title TEXT NOT NULL,
  resolution TEXT NOT NULL,
  notes TEXT NOT NULL,
  details TEXT NOT NULL
);
CREATE VIRTUAL TABLE words USING fts5 (
  title, resolution, notes, details, content = 'texts', content_rowid = 'number', tokenize = 'unicode61 remove_diacritics 2'
);
CREATE VIRTUAL TABLE vocabulary USING fts5vocab ('words', 'row');

-- Every word that was ever indexed, in pieces of three letters: finds the words that a mistyped one may mean.
CREATE TABLE spellings (word TEXT PRIMARY KEY) WITHOUT ROWID;
CREATE VIRTUAL TABLE spelling_pieces USING fts5 (word, tokenize = 'trigram');
