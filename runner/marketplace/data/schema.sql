CREATE TABLE IF NOT EXISTS meta (key TEXT PRIMARY KEY, value TEXT NOT NULL) STRICT;

CREATE TABLE IF NOT EXISTS account (
    slug TEXT PRIMARY KEY,
    name TEXT NOT NULL,
    email TEXT NOT NULL UNIQUE,
    tagline TEXT NOT NULL,
    town TEXT NOT NULL,
    password_hash TEXT NOT NULL,
    lock_reason TEXT
) STRICT;

CREATE TABLE IF NOT EXISTS session (
    token_hash TEXT PRIMARY KEY,
    account TEXT NOT NULL REFERENCES account (slug),
    remember INTEGER NOT NULL,
    started_at TEXT NOT NULL
) STRICT;

CREATE TABLE IF NOT EXISTS listing (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    account TEXT NOT NULL REFERENCES account (slug),
    reference TEXT NOT NULL,
    title TEXT NOT NULL,
    price_cents INTEGER NOT NULL,
    currency TEXT NOT NULL,
    category TEXT NOT NULL,
    condition TEXT NOT NULL,
    description TEXT NOT NULL,
    location TEXT NOT NULL,
    published_at TEXT NOT NULL,
    renewed_at TEXT NOT NULL,
    views INTEGER NOT NULL DEFAULT 0,
    deleted_at TEXT
) STRICT;
CREATE INDEX IF NOT EXISTS listing_by_account ON listing (account, published_at DESC, id DESC);
CREATE INDEX IF NOT EXISTS listing_by_time ON listing (published_at DESC, id DESC);

-- A draft outlives its publication on purpose: the site has no idempotency key, as most sites have none.
CREATE TABLE IF NOT EXISTS draft (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    account TEXT NOT NULL REFERENCES account (slug),
    reference TEXT NOT NULL,
    title TEXT NOT NULL,
    price_cents INTEGER NOT NULL,
    currency TEXT NOT NULL,
    category TEXT NOT NULL,
    condition TEXT NOT NULL,
    description TEXT NOT NULL,
    location TEXT NOT NULL,
    saved_at TEXT NOT NULL,
    published INTEGER NOT NULL DEFAULT 0
) STRICT;
CREATE INDEX IF NOT EXISTS draft_by_account ON draft (account, published);

-- A photo belongs to a draft or to a listing; art_seed is set where the picture is drawn at its first request.
CREATE TABLE IF NOT EXISTS photo (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    draft_id INTEGER REFERENCES draft (id),
    listing_id INTEGER REFERENCES listing (id),
    name TEXT NOT NULL,
    file TEXT NOT NULL,
    media_type TEXT NOT NULL,
    art_seed INTEGER,
    art_category TEXT
) STRICT;
CREATE INDEX IF NOT EXISTS photo_by_listing ON photo (listing_id);
CREATE INDEX IF NOT EXISTS photo_by_draft ON photo (draft_id);

CREATE TABLE IF NOT EXISTS thread (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    account TEXT NOT NULL REFERENCES account (slug),
    counterpart TEXT NOT NULL,
    listing_id INTEGER REFERENCES listing (id),
    last_at TEXT NOT NULL,
    unread INTEGER NOT NULL DEFAULT 0
) STRICT;
CREATE INDEX IF NOT EXISTS thread_by_account ON thread (account, last_at DESC, id DESC);

CREATE TABLE IF NOT EXISTS message (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    thread_id INTEGER NOT NULL REFERENCES thread (id),
    direction TEXT NOT NULL CHECK (direction IN ('in', 'out')),
    text TEXT NOT NULL,
    at TEXT NOT NULL,
    topic TEXT
) STRICT;
CREATE INDEX IF NOT EXISTS message_by_thread ON message (thread_id, id);

CREATE TABLE IF NOT EXISTS challenge (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    account TEXT REFERENCES account (slug),
    visit TEXT,
    kind TEXT NOT NULL CHECK (kind IN ('captcha', 'two_factor', 'terms')),
    answer TEXT NOT NULL,
    opened_at TEXT NOT NULL,
    passed_at TEXT
) STRICT;

-- The independent record: written in the transaction of the change that it tells of, never changed, emptied only by a reset.
CREATE TABLE IF NOT EXISTS ledger (
    seq INTEGER PRIMARY KEY AUTOINCREMENT,
    at TEXT NOT NULL,
    account TEXT,
    kind TEXT NOT NULL,
    request_id TEXT,
    content_hash TEXT,
    subject TEXT,
    detail TEXT NOT NULL
) STRICT;
CREATE INDEX IF NOT EXISTS ledger_by_kind ON ledger (kind, seq);
