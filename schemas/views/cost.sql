-- Engine calls by run, purpose and model: paid ones, those answered from a log, failed ones, and their tokens.
SELECT
  run_id, purpose, model, revision,
  count_if(NOT replayed) AS paid, count_if(replayed) AS replayed, count_if(status NOT IN ('ok', 'length')) AS failed,
  sum(IF(replayed, 0, prompt_tokens)) AS prompt_tokens,
  sum(IF(replayed, 0, cached_tokens)) AS cached_tokens,
  sum(IF(replayed, 0, completion_tokens)) AS completion_tokens,
  round(avg(latency_s), 2) AS mean_latency_s
FROM calls
GROUP BY run_id, purpose, model, revision
