/** The mark: the larger bubble speaks, the smaller one behind it answers. */
export function Mark({
  size = 34,
  speaker = 'var(--accent)',
  answer = 'var(--copper)',
}: {
  size?: number;
  speaker?: string;
  answer?: string;
}) {
  return (
    <svg className="mark" width={size} height={size} viewBox="0 0 34 34" aria-hidden="true" focusable="false">
      <path
        fill={answer}
        d="M27 12.5h1.5a5 5 0 0 1 5 5v6a5 5 0 0 1-3.5 4.77V32l-4.6-3.7H19.5a5 5 0 0 1-4.7-3.300H20.5a6.5 6.5 0 0 0 6.5-6.5z"
      />
      <path fill={speaker} d="M6.5 2h13a6 6 0 0 1 6 6v8a6 6 0 0 1-6 6h-8.6L6 26.300v-4.5A6 6 0 0 1 .5 16V8a6 6 0 0 1 6-6z" />
    </svg>
  );
}
