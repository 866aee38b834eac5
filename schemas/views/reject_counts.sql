-- Dropped records and samples by source, stage and reason.
SELECT source_id, stage, drop_reason, count(*) AS records, sum(origin.units) AS units, min(detail) AS example
FROM rejects
GROUP BY source_id, stage, drop_reason
