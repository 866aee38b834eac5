-- Each rewritten pair beside the sample it was made from, with its verdict.
SELECT
  w.pair_id, w.sample_id, w.source_id, s.category, w.task_type,
  s.conversation[0].text AS question_before, s.conversation[1].text AS answer_before,
  w.instruction AS question_after, w.response AS answer_after,
  s.gold_answer, j.judge, j.p_yes, j.verdict, w.checks, w.call_key
FROM rewritten w
  JOIN samples s ON s.sample_id = w.sample_id
  LEFT JOIN judged j ON j.subject_id = w.pair_id AND j.subject_kind = 'rewritten'
WHERE w.parse_status = 'ok'
