-- Records and samples that are out as things stand: by the newest reading of each source, and by what dedup drops now.
WITH newest AS (
  SELECT source_id, max_by(run_id, ended) AS run_id FROM runs WHERE stage = 'normalise' GROUP BY source_id
), dropped AS (
  SELECT sample_id, min(struct(
    CASE WHEN kind LIKE 'benchmark%' THEN 0 WHEN kind = 'exact' THEN 1 ELSE 2 END AS rank, twin
  )) AS first
  FROM twins WHERE dropped GROUP BY sample_id
)
SELECT r.source_id, r.stage, r.drop_reason, r.detail, r.origin, r.excerpt, r.duplicate_of
FROM rejects r LEFT JOIN newest n ON n.source_id = r.source_id
WHERE r.stage = 'normalise' AND r.run_id = coalesce(n.run_id, r.run_id)
UNION ALL
SELECT
  s.source_id, 'dedup' AS stage,
  CASE d.first.rank WHEN 0 THEN 'contaminated' WHEN 1 THEN 'duplicate' ELSE 'near_duplicate' END AS drop_reason,
  CASE d.first.rank WHEN 0 THEN 'overlaps with an entry of a benchmark'
    WHEN 1 THEN 'same content as a sample of another source'
    ELSE 'pictures and text almost those of another sample' END AS detail,
  s.origin, substr(s.conversation[0].text, 1, 200) AS excerpt,
  d.first.twin AS duplicate_of
FROM dropped d JOIN samples s ON s.sample_id = d.sample_id
