-- Each rewritten pair beside the sample it was made from, with the verdict of the deciding judge.
WITH told AS (
  SELECT j.subject_id, first(j.judge) AS judge, first(j.judge_id) AS judge_id, max(j.p_yes) AS p_yes,
    max(j.verdict) AS verdict
  FROM judged j
    JOIN deciding_judge d ON d.judge_id = j.judge_id
  WHERE j.subject_kind = 'rewritten' AND j.verdict IS NOT NULL GROUP BY j.subject_id
)
SELECT
  w.pair_id, w.sample_id, w.source_id, s.category, w.task_type,
  s.conversation[0].text AS question_before, s.conversation[1].text AS answer_before,
  w.instruction AS question_after, w.response AS answer_after,
  s.gold_answer, j.judge, j.judge_id, j.p_yes, j.verdict, w.checks, w.call_key
FROM rewritten w
  JOIN samples s ON s.sample_id = w.sample_id
  LEFT JOIN told j ON j.subject_id = w.pair_id
WHERE w.parse_status = 'ok'
