-- Engine calls by run, purpose and model: paid ones, those answered from a log, failed ones; tokens are of paid ones.
WITH told AS (
  SELECT *, status IN ('ok', 'length') AS answered,
    row_number() OVER (PARTITION BY call_key, status IN ('ok', 'length') ORDER BY at, attempt, run_id) AS nth
  FROM calls
), counted AS (
  -- A key that was stored twice was paid once.
  SELECT *, answered AND nth = 1 AND NOT coalesce(replayed, false) AS paid FROM told
)
SELECT
  run_id, purpose, model, revision,
  count_if(paid) AS paid, count_if(answered AND replayed) AS replayed, count_if(NOT answered) AS failed,
  coalesce(sum(prompt_tokens) FILTER (WHERE paid), 0) AS prompt_tokens,
  coalesce(sum(cached_tokens) FILTER (WHERE paid), 0) AS cached_tokens,
  coalesce(sum(completion_tokens) FILTER (WHERE paid), 0) AS completion_tokens,
  round(avg(latency_s) FILTER (WHERE paid), 2) AS mean_latency_s
FROM counted
GROUP BY run_id, purpose, model, revision
