-- compatible down to: 3
--
-- Silences that people add while the router runs. A program without them would page what is silenced.

CREATE TABLE state_silence (id INTEGER PRIMARY KEY, body BLOB NOT NULL);
