-- Each row of the newest release with its sample, the reply that made it and the gate that let it pass.
WITH answers AS (
  SELECT call_key, min_by(model, at) AS model, min_by(revision, at) AS revision,
    min_by(prompt_version, at) AS prompt_version, min_by(reply, at) AS reply,
    min_by(label_probs, at) AS label_probs, min(at) AS answered_at
  FROM calls WHERE status IN ('ok', 'length') GROUP BY call_key
),
told AS (
  SELECT j.subject_id, sort_array(collect_list(named_struct(
    'judge', j.judge, 'judge_id', j.judge_id, 'verdict', j.verdict, 'p_yes', j.p_yes, 'label_mass', j.label_mass, 'reply', a.reply,
    'label_probs', map_entries(a.label_probs), 'call_key', j.call_key
  ))) AS verdicts
  FROM judged j LEFT JOIN answers a ON a.call_key = j.call_key
  WHERE j.verdict IS NOT NULL GROUP BY j.subject_id
)
SELECT
  i.id, i.release_id, i.kind, i.source_id, i.lineage.sample_id, s.content_id,
  i.lineage.origin.file, i.lineage.origin.position, i.lineage.origin.record_hash, i.lineage.origin.original_id,
  i.lineage.origin.notes,
  s.conversation AS before, i.conversation AS after,
  i.lineage.call_key, c.model, c.revision, c.prompt_version, p.name AS prompt, p.text AS prompt_text, c.reply,
  c.answered_at, i.quality.p_yes, t.verdicts, r.gate_id, g.success AS gate_passed, r.run_id AS published_by
FROM instruct i
  LEFT JOIN samples s ON s.sample_id = i.lineage.sample_id
  LEFT JOIN answers c ON c.call_key = i.lineage.call_key
  LEFT JOIN prompts p ON p.prompt_version = c.prompt_version
  LEFT JOIN told t ON t.subject_id = CASE WHEN i.kind = 'rewritten' THEN i.id ELSE s.content_id END
  LEFT JOIN releases r ON r.release_id = i.release_id
  LEFT JOIN gates g ON g.gate_id = r.gate_id
