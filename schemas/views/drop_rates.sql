-- What the judge dropped of the pairs that it judged, by release and category: unreadable, or below the threshold.
-- A run that was refused, or that found nothing new, has no release; a release that puts an earlier one back repeats its run's rows.
WITH told AS (
  SELECT run_id, ended, get_json_object(facts, '$.judge') AS judge, get_json_object(facts, '$.judge_id') AS judge_id,
    explode(from_json(get_json_object(facts, '$.judged'), 'map<string, map<string, bigint>>')) AS (category, tally)
  FROM runs WHERE stage = 'publish'
)
SELECT
  t.run_id, p.release_id, p.restored_from, t.ended AS at, t.judge, t.judge_id, t.category,
  t.tally['judged'] AS judged, t.tally['passed'] AS passed, t.tally['unparsed'] AS unparsed,
  round(1 - t.tally['passed'] / t.tally['judged'], 4) AS drop_rate
FROM told t LEFT JOIN releases p ON p.run_id = t.run_id
WHERE t.tally['judged'] > 0
