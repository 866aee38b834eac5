-- One row per source: what was kept (samples), dropped, rewritten and published, and how it was scored.
WITH kept AS (
  SELECT s.source_id, first(s.category) AS category, first(s.`group`) AS `group`, count_if(t.sample_id IS NULL) AS samples
  FROM samples s LEFT JOIN (SELECT DISTINCT sample_id FROM twins WHERE dropped) t ON t.sample_id = s.sample_id
  GROUP BY s.source_id
), lost AS (
  SELECT source_id, count_if(drop_reason = 'duplicate') AS duplicates, count_if(drop_reason <> 'duplicate') AS rejects
  FROM current_rejects GROUP BY source_id
), made AS (
  SELECT source_id, count(*) AS pairs FROM rewritten WHERE parse_status = 'ok' GROUP BY source_id
), scores AS (
  SELECT judge_id, count(*) AS scored FROM judged
  WHERE content_score IS NOT NULL OR relevance_score IS NOT NULL GROUP BY judge_id
), scorer AS (
  SELECT max_by(s.judge_id, struct(d.judge_id IS NOT NULL, s.scored, s.judge_id)) AS judge_id
  FROM scores s LEFT JOIN deciding_judge d ON d.judge_id = s.judge_id
), told AS (
  SELECT j.source_id, round(avg(IF(d.judge_id IS NULL, NULL, j.p_yes)), 4) AS mean_p_yes,
    round(avg(IF(c.judge_id IS NULL, NULL, j.content_score)), 2) AS content_score,
    round(avg(IF(c.judge_id IS NULL, NULL, j.relevance_score)), 2) AS relevance_score
  FROM judged j LEFT JOIN deciding_judge d ON d.judge_id = j.judge_id LEFT JOIN scorer c ON c.judge_id = j.judge_id
  WHERE j.subject_kind = 'rewritten' GROUP BY j.source_id
), out AS (
  SELECT source_id, count(*) AS published, count_if(kind = 'rewritten') AS published_rewritten FROM instruct GROUP BY source_id
)
SELECT
  source_id, category, `group`, coalesce(samples, 0) AS samples, coalesce(rejects, 0) AS rejects,
  coalesce(duplicates, 0) AS duplicates, coalesce(pairs, 0) AS pairs, mean_p_yes, content_score, relevance_score,
  coalesce(published, 0) AS published, coalesce(published_rewritten, 0) AS published_rewritten
FROM kept FULL JOIN lost USING (source_id) LEFT JOIN made USING (source_id) LEFT JOIN told USING (source_id)
  LEFT JOIN out USING (source_id)
