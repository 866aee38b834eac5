-- Words of every judge on rewritten pairs by category, before any threshold; unparsed is no no.
SELECT
  s.category, j.judge, j.judge_id,
  count(*) AS judged,
  count_if(j.verdict = 'yes') AS yes,
  count_if(j.verdict = 'no') AS no,
  count_if(j.verdict = 'unparsed') AS unparsed,
  round(avg(j.p_yes), 4) AS mean_p_yes
FROM judged j JOIN samples s ON s.sample_id = j.sample_id
WHERE j.subject_kind = 'rewritten' AND j.verdict IS NOT NULL
GROUP BY s.category, j.judge, j.judge_id
