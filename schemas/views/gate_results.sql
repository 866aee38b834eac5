-- Each rule of each gate verdict: the number found, the band, the setting that gives it and what to do next.
SELECT
  gate_id, run_id, at, success AS gate_passed, e.table, e.name AS rule, e.success AS held,
  e.value, e.low, e.high, e.observed, e.allowed, e.setting, e.examples, e.next_step
FROM gates LATERAL VIEW explode(expectations) AS e
