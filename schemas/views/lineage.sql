-- Each published row with its sample, the reply that made it and the gate that let it pass.
WITH answers AS (
  SELECT call_key, min_by(model, at) AS model, min_by(revision, at) AS revision,
    min_by(prompt_version, at) AS prompt_version, min_by(reply, at) AS reply, min(at) AS answered_at
  FROM calls WHERE status IN ('ok', 'length') GROUP BY call_key
)
SELECT
  i.id, i.release_id, i.kind, i.source_id, i.lineage.sample_id, s.content_id,
  i.lineage.origin.file, i.lineage.origin.position, i.lineage.origin.record_hash, i.lineage.origin.original_id,
  i.lineage.call_key, c.model, c.revision, c.prompt_version, p.name AS prompt, c.reply, c.answered_at,
  i.quality.p_yes, r.gate_id, r.run_id AS published_by
FROM instruct i
  LEFT JOIN samples s ON s.sample_id = i.lineage.sample_id
  LEFT JOIN answers c ON c.call_key = i.lineage.call_key
  LEFT JOIN prompts p ON p.prompt_version = c.prompt_version
  LEFT JOIN releases r ON r.release_id = i.release_id
