-- The judge whose verdicts count: the newest release's while it is there, else the newest judging's, else the newest verdict's.
SELECT judge_id FROM (
  SELECT coalesce(
    (SELECT max(judge_id) FROM judged WHERE judge_id = (SELECT max_by(judge_id, release_id) FROM releases)),
    (SELECT max_by(get_json_object(facts, '$.judge_id'), ended) FROM runs WHERE stage = 'judge'),
    (SELECT max_by(j.judge_id, struct(c.at, j.judge_id)) FROM judged j
      LEFT JOIN calls c ON c.call_key = j.call_key WHERE j.verdict IS NOT NULL)
  ) AS judge_id
) WHERE judge_id IS NOT NULL
