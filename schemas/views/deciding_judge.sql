-- The judge whose verdicts count: that of the newest release, else of the newest judging, else of the newest verdict.
SELECT judge_id FROM (
  SELECT coalesce(
    (SELECT max_by(judge_id, release_id) FROM releases),
    (SELECT max_by(get_json_object(facts, '$.judge_id'), ended) FROM runs WHERE stage = 'judge'),
    (SELECT max_by(j.judge_id, struct(c.at, j.judge_id)) FROM judged j
      LEFT JOIN calls c ON c.call_key = j.call_key WHERE j.verdict IS NOT NULL)
  ) AS judge_id
) WHERE judge_id IS NOT NULL
