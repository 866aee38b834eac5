-- What the judge dropped of the pairs that it judged, by publish run and category: unreadable, or below the threshold.
WITH told AS (
  SELECT run_id, ended, get_json_object(facts, '$.judge') AS judge, get_json_object(facts, '$.judge_id') AS judge_id,
    explode(from_json(get_json_object(facts, '$.judged'), 'map<string, map<string, bigint>>')) AS (category, tally)
  FROM runs WHERE stage = 'publish'
), published AS (
  SELECT run_id, min(release_id) AS release_id FROM releases GROUP BY run_id
)
SELECT
  t.run_id, p.release_id, t.ended AS at, t.judge, t.judge_id, t.category,
  t.tally['judged'] AS judged, t.tally['passed'] AS passed, t.tally['unparsed'] AS unparsed,
  round(1 - t.tally['passed'] / t.tally['judged'], 4) AS drop_rate
FROM told t LEFT JOIN published p ON p.run_id = t.run_id
WHERE t.tally['judged'] > 0
