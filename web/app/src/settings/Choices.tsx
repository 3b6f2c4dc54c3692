export interface ChoicesProps<T extends string | number> {
  label: string;
  name: string;
  value: T;
  options: { value: T; label: string; lang?: string }[];
  onChange: (value: T) => void;
}

/** One of a few, acting at once. */
export function Choices<T extends string | number>({ label, name, value, options, onChange }: ChoicesProps<T>) {
  return (
    <div className="choices" role="radiogroup" aria-label={label}>
      {options.map((option) => (
        <label key={option.value} className="choice" lang={option.lang}>
          <input type="radio" name={name} checked={option.value === value} onChange={() => onChange(option.value)} />
          {option.label}
        </label>
      ))}
    </div>
  );
}
