-- Dropped records and samples by source, stage and reason, as the newest reading of each source found them.
WITH newest AS (
  SELECT source_id, max_by(run_id, ended) AS run_id FROM runs WHERE stage = 'normalise' GROUP BY source_id
)
SELECT r.source_id, r.stage, r.drop_reason, count(*) AS records, sum(r.origin.units) AS units, min(r.detail) AS example
FROM rejects r LEFT JOIN newest n ON r.source_id = n.source_id
WHERE r.stage <> 'normalise' OR r.run_id = coalesce(n.run_id, r.run_id)
GROUP BY r.source_id, r.stage, r.drop_reason
