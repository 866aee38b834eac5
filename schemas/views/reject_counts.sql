-- Records and samples that are out as things stand, by source, stage and reason, with one example.
SELECT source_id, stage, drop_reason, count(*) AS records, sum(origin.units) AS units, min(detail) AS example
FROM current_rejects
GROUP BY source_id, stage, drop_reason
