-- A shop's ninety days, for python -m bench.api: the numbers are parameters.

WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < :accounts) INSERT INTO account (id, name, site, username, secret_kind, secret_name, state, created_at, last_served_at)
SELECT i, printf('account-%02d', i), 'mock', 'seller' || i, 'env', 'P',
CASE WHEN i % 12 = 0 THEN 'parked' ELSE 'active' END, :start, :now - i * 60000000 FROM n;

INSERT INTO tag (id, name) VALUES (1, 'north'), (2, 'south');

INSERT INTO account_tag (account_id, tag_id) SELECT id, 1 + id % 2 FROM account;

INSERT INTO profile (account_id, path, last_login_at, last_probe_at)
SELECT id, name, :now - 864000000000, :now - 3600000000 FROM account;

WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < (:accounts * :looks)) INSERT INTO check_result (account_id, at, signed_in, after)
SELECT 1 + i % :accounts, :start + i * (:span / (:accounts * :looks)), i % 97 != 0,
CASE i % 50 WHEN 0 THEN 'sign_in' ELSE 'look' END FROM n;

WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < :jobs) INSERT INTO batch (id, name, created_at)
SELECT i, CASE i % 4 WHEN 0 THEN 'publish' ELSE 'cycle' END, :start + i * (:span / :jobs)
FROM n WHERE i <= :jobs / 60;

WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < :jobs) INSERT INTO job (id, account_id, flow, params, state, rank, due_at, created_at, ended_at, attempts, max_attempts,
batch_id, fence, result, error_kind, error, cancel_requested)
SELECT i, 1 + i % :accounts,
CASE i % 10 WHEN 0 THEN 'send_message' WHEN 1 THEN 'publish_listing' WHEN 2 THEN 'check_login' ELSE 'read_inbox' END,
CASE i % 10 WHEN 0 THEN '{"thread": "t-' || (1 + i % :threads) || '", "text": "Yes, it is still there."}'
WHEN 1 THEN '{"listing": ' || (1 + i % :listings) || '}' ELSE '{}' END,
CASE WHEN i > :jobs - :queued THEN 'queued' WHEN i % 16 = 3 THEN 'failed' WHEN i % 301 = 0 THEN 'parked'
WHEN i % 53 = 0 THEN 'cancelled' ELSE 'succeeded' END,
2, :start + i * (:span / :jobs), :start + i * (:span / :jobs),
CASE WHEN i > :jobs - :queued OR i % 301 = 0 THEN NULL ELSE :start + i * (:span / :jobs) + 40000000 END, 1, 3,
1 + i % (:jobs / 60), 1, '{"threads": 40, "threads_opened": 2, "messages": 9, "new_messages": 2, "unread": 1}',
CASE WHEN i % 16 = 3 THEN CASE i % 3 WHEN 0 THEN 'timeout' WHEN 1 THEN 'network' ELSE 'site_changed' END END,
CASE WHEN i % 16 = 3 THEN 'The page did not answer within 30 s.' END, 0 FROM n;

INSERT INTO session (id, account_id, mode, owner, browser_version, started_at, ended_at, "end")
SELECT id / 10, account_id, 'headless', 'host/boot/1/1', '148', due_at, due_at + 60000000, 'done'
FROM job WHERE id % 10 = 0;

INSERT INTO attempt (id, job_id, number, fence, session_id, started_at, ended_at, outcome, kind, error, step,
sign_ins, popups, evidence_dir, signature)
SELECT id, id, 1, 1, CASE WHEN id >= 10 THEN id / 10 END, due_at, due_at + 40000000,
CASE WHEN error_kind IS NULL THEN 'succeeded' ELSE 'failed' END, error_kind, error, 'list threads', 0, 0,
CASE WHEN error_kind IS NOT NULL THEN 'e/' || id END,
CASE WHEN error_kind IS NOT NULL THEN printf('%012x', (id / 16) % 40) END FROM job WHERE id <= :jobs - :queued;

INSERT INTO step (attempt_id, ordinal, name, started_at, ended_at, ok)
SELECT id, 1, 'list threads', started_at, ended_at, 1 FROM attempt;

INSERT INTO evidence (attempt_id, kind, path, size_bytes, created_at)
SELECT a.id, k.kind, 'e/' || a.id || '/' || k.kind, 90000, a.ended_at FROM attempt a,
(SELECT 'page' AS kind UNION ALL SELECT 'screenshot' UNION ALL SELECT 'console') k WHERE a.kind IS NOT NULL;

INSERT INTO event (at, name, account_id, job_id, attempt_id, batch_id, data)
SELECT j.created_at, k.name, j.account_id, j.id, j.id, j.batch_id, '{"flow": "read_inbox"}' FROM job j,
(SELECT 'JobSubmitted' AS name UNION ALL SELECT 'JobClaimed' UNION ALL SELECT 'JobSucceeded') k ORDER BY j.id;

WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < :listings) INSERT INTO listing (id, account_id, reference, title, price_minor, currency, category, condition, description,
location, state, created_at, changed_at)
SELECT i, 1 + i % :accounts, 'R-' || i, 'A bicycle, number ' || i, 12000, 'EUR', 'bikes', 'used',
'A good bicycle with a bell and a light.', 'Ghent', CASE i % 3 WHEN 0 THEN 'draft' ELSE 'published' END, :start, :start
FROM n;

WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < :threads) INSERT INTO participant (id, account_id, name, first_seen_at)
SELECT i, 1 + i % :accounts, 'Buyer ' || i, :start FROM n;

WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < :threads) INSERT INTO thread (id, account_id, remote_id, participant_id, listing_title, excerpt, unread, last_at, url,
fingerprint, first_seen_at, read_at, status, assignee)
SELECT i, 1 + i % :accounts, 't-' || i, i, 'A bicycle, number ' || (i % :listings), 'Is it still there?', i % 5 = 0,
:start + i * (:span / :threads), 'http://127.0.0.1/t/' || i, printf('%064x', i), :start, :now,
CASE i % 3 WHEN 0 THEN 'closed' ELSE 'open' END, CASE i % 7 WHEN 0 THEN 'ann' END FROM n;

WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < :messages) INSERT INTO message (id, thread_id, key, direction, sender, text, sent_at, first_seen_at)
SELECT i, 1 + (i / 2) % :threads, 'id:' || i, CASE i % 2 WHEN 0 THEN 'inbound' ELSE 'outbound' END, 'Buyer',
CASE i % 2 WHEN 0 THEN 'Hello, is the bicycle number ' || i || ' still there? I could come on Friday at six.'
ELSE 'Yes, it is. You are welcome; ring the bell twice, please. rare' || i END,
:start + i * (:span / :messages), :start + i * (:span / :messages) FROM n;

INSERT INTO effect (account_id, kind, natural_key, payload_hash, state, job_id, fence, remote_id, created_at,
changed_at)
SELECT account_id, 'send_message', json_extract(params, '$.thread') || '|id:1|' || id, printf('%064x', id),
CASE id % 400 WHEN 0 THEN 'unknown' ELSE 'confirmed' END, id, 1, 'x' || id, due_at, due_at
FROM job WHERE flow = 'send_message';
