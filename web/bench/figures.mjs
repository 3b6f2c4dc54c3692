/** Says a figure; `goal` is the most it may be, or with `atLeast` the least. */
export function tell(figure, value, goal = null, { atLeast = false, ...more } = {}) {
  const rounded = Math.round(value * 100) / 100;
  const line = { figure, value: rounded };
  if (goal !== null) {
    line.goal = `${atLeast ? '≥' : '≤'} ${goal}`;
    line.met = atLeast ? value >= goal : value <= goal;
  }
  console.log(JSON.stringify({ ...line, ...more }));
}

export function quantile(values, q) {
  const sorted = [...values].sort((a, b) => a - b);
  return sorted[Math.min(sorted.length - 1, Math.ceil(sorted.length * q) - 1)] ?? Number.NaN;
}
