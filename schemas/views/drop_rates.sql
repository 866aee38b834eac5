-- Verdicts on rewritten pairs by category and judge; unparsed is a class of its own, never a no.
SELECT
  s.category, j.judge, j.judge_id,
  count(*) AS judged,
  count_if(j.verdict = 'yes') AS yes,
  count_if(j.verdict = 'no') AS no,
  count_if(j.verdict = 'unparsed') AS unparsed,
  round(count_if(j.verdict = 'no') / count(*), 4) AS refused_share,
  round(avg(j.p_yes), 4) AS mean_p_yes
FROM judged j JOIN samples s ON s.sample_id = j.sample_id
WHERE j.subject_kind = 'rewritten'
GROUP BY s.category, j.judge, j.judge_id
