-- What a large shop has besides, for python -m bench.scale: the numbers are parameters.

INSERT INTO tag (id, name) VALUES (3, 'vip');

INSERT INTO thread_tag (thread_id, tag_id, at) SELECT id, 3, :start FROM thread WHERE id % 3 = 0;

INSERT INTO sla (tag, first_response_s, resolution_s, changed_at) VALUES ('vip', 7200, 172800, :start);

INSERT INTO sla_watch (id, event_id, hours, walked_to) SELECT 1, max(id), '', 0 FROM event;

UPDATE message SET type = 'offer', confidence = 0.3 + (id % 70) / 100.0, classified_by = 'local', classified_at = sent_at
WHERE direction = 'inbound';

INSERT INTO rule (id, name, position, enabled, level, conditions, actions, created_at)
VALUES (1, 'offers', 1, 1, 'suggest', '{}', '{}', :start);

INSERT INTO decision (message_id, at, verdict, rule_id, rule, words, why)
SELECT id, sent_at, CASE id % 40 WHEN 0 THEN 'no_text' WHEN 20 THEN 'crossed' ELSE 'done' END, 1, 'offers', 'w', '[]'
FROM message WHERE direction = 'inbound';

INSERT INTO draft (thread_id, message_id, text, rule_id, rule, template_id, template, level, actions, state,
created_at, changed_at, settled_at)
SELECT thread_id, id, 'Yes.', 1, 'offers', 1, 'hi', 'suggest', '{}', CASE id % 400 WHEN 0 THEN 'waiting' ELSE 'dismissed' END,
sent_at, sent_at, sent_at FROM message WHERE direction = 'inbound' AND id % 8 = 0;

INSERT INTO channel (id, name, way, secret_kind, secret_name, enabled, preferences, since_event, created_at)
VALUES (1, 'phone', 'webhook', 'env', 'P', 1, '{}', 0, :start);

INSERT INTO notification (channel_id, slot, uid, kind, subject, title, lines, link, recovers, data, state, happened_at,
created_at, due_at, attempts, sent_at, repeats, told, earlier)
SELECT 1, 'event:' || id, printf('%032x', id), CASE id % 50 WHEN 0 THEN 'error_flood' ELSE 'new_message' END,
CASE id % 50 WHEN 0 THEN 'flood:' || id ELSE 'thread:' || thread_id END, 'A message', '["Hello"]', '/', 0, '{}', 'sent',
sent_at, sent_at, sent_at, 1, sent_at, 0, 0, 0 FROM message WHERE id % 4 = 0;

INSERT INTO notification (channel_id, slot, uid, kind, subject, title, lines, link, recovers, data, state, happened_at,
created_at, due_at, attempts, sent_at, repeats, told, earlier)
SELECT 1, 'over:' || id, 'o' || uid, kind, subject, 'Over', '[]', '/', 1, '{}', 'sent',
happened_at, happened_at, happened_at, 1, happened_at, 0, 0, 0 FROM notification WHERE kind = 'error_flood';

INSERT INTO notice_cursor (id, event_id) SELECT 1, max(id) FROM event;

INSERT INTO rate_usage (account_id, kind, began_at, over_at, near, job_id, fence)
SELECT account.id, kinds.kind, :now - n.i * 600000000, :now - n.i * 600000000, '[]', 1, 1 FROM account,
(SELECT 'messages' AS kind UNION ALL SELECT 'publishes' UNION ALL SELECT 'page_loads') kinds,
(SELECT 1 AS i UNION ALL SELECT 2 UNION ALL SELECT 3) n;

INSERT INTO setting (key, value) VALUES ('pacing', 'as it was')
