-- Rows of the newest release, flat: first question, last answer, judge, checks, terms, and where they come from.
SELECT
  id, release_id, source_id, category, `group`, kind, split, modality, language,
  conversation[0].text AS instruction,
  conversation[size(conversation) - 1].text AS response,
  size(conversation) / 2 AS exchanges,
  size(media) AS media,
  quality.p_yes, quality.content AS content_score, quality.relevance AS relevance_score,
  licence.spdx AS licence, licence.commercial, licence.redistribution,
  lineage.sample_id, lineage.call_key, lineage.prompt_version, lineage.model,
  lineage.origin.file, lineage.origin.position, lineage.origin.original_id
FROM instruct
