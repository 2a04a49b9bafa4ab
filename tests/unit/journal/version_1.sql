-- A journal as the first version wrote it: five items of six, one of which failed.
PRAGMA application_id = 1347180371;
PRAGMA user_version = 1;
BEGIN TRANSACTION;
CREATE TABLE failures (
    id INTEGER PRIMARY KEY REFERENCES results,
    kind TEXT NOT NULL,       -- the exception's type
    words TEXT NOT NULL,
    traceback TEXT NOT NULL,
    attempts INTEGER NOT NULL,
    error BLOB                -- the exception's pickle, where it has one
);
INSERT INTO "failures" VALUES(3,'ValueError','no 3','Traceback …',2,X'80059526000000000000008C086275696C74696E73948C0A56616C75654572726F729493948C046E6F203394859452942E');
CREATE TABLE functions (
    id INTEGER PRIMARY KEY,
    module TEXT NOT NULL,
    name TEXT NOT NULL,
    code TEXT NOT NULL,       -- a hash of what it does
    python TEXT NOT NULL,     -- another Python makes another code
    family INTEGER NOT NULL,  -- versions whose results count as each other's (changed="keep") have the same number
    since REAL NOT NULL,      -- seconds since 1970, as all times here
    UNIQUE (module, name, code)
);
INSERT INTO "functions" VALUES(1,'orders','double','73a23658959971d110b23baeec4a74e9','3.11',1,1.79603514580265164381e+09);
CREATE TABLE results (
    id INTEGER PRIMARY KEY,   -- in the order of recording
    run INTEGER NOT NULL REFERENCES runs,
    key BLOB NOT NULL,        -- of the item: poolwise/journal/items.py
    item TEXT NOT NULL,       -- for people
    is_json INTEGER NOT NULL, -- whether item is JSON; else the beginning of its repr
    form INTEGER NOT NULL,    -- 0: value is JSON, 1: value is a pickle, 2: it failed
    value
);
INSERT INTO "results" VALUES(1,1,X'6931','1',1,0,'2');
INSERT INTO "results" VALUES(2,1,X'7361','"a"',1,0,'"aa"');
INSERT INTO "results" VALUES(3,1,X'6933','3',1,2,NULL);
INSERT INTO "results" VALUES(4,1,X'74323A6931','[1]',1,1,X'80059507000000000000008F94284B01902E');
INSERT INTO "results" VALUES(5,1,X'66322E35','2.5',1,0,'5.0');
CREATE TABLE runs (
    id INTEGER PRIMARY KEY,
    function INTEGER NOT NULL REFERENCES functions,
    began REAL NOT NULL,
    synced REAL NOT NULL,     -- when the figures below were true
    state TEXT NOT NULL,      -- running, done, failed, stopped; killed where a later run found it running
    pid INTEGER NOT NULL,
    total INTEGER,            -- items, where that was known
    command TEXT,
    kept INTEGER NOT NULL DEFAULT 0,    -- results recorded
    failed INTEGER NOT NULL DEFAULT 0,  -- failures recorded
    taken INTEGER NOT NULL DEFAULT 0    -- found here, from earlier runs
);
INSERT INTO "runs" VALUES(1,1,1.79603514580273365981e+09,1.79603514580451869967e+09,'stopped',13165,6,NULL,4,1,0);
COMMIT;
