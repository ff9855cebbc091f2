import { useParam } from "@/shared/lib/url";
import { Segmented } from "./tabs";

export const RANGES = {
  "24h": { label: "24 h", hours: 24, step: "hour" },
  "7d": { label: "7 days", hours: 168, step: "hour" },
  "30d": { label: "30 days", hours: 720, step: "day" },
  "90d": { label: "90 days", hours: 2160, step: "day" },
} as const;

export type RangeName = keyof typeof RANGES;

/** The time a page looks at; it stands in the address as `range`. */
export function useRange(fallback: RangeName = "24h") {
  const [name, setName] = useParam<RangeName>("range", fallback);
  const known = name in RANGES ? name : fallback;
  return { name: known, setName, since: known, ...RANGES[known] };
}

export function RangePicker({
  value,
  onValue,
  names = ["24h", "7d", "30d", "90d"],
}: {
  value: RangeName;
  onValue: (value: RangeName) => void;
  names?: readonly RangeName[];
}) {
  return (
    <Segmented
      label="Time"
      value={value}
      onValue={onValue}
      options={names.map((name) => ({ value: name, label: RANGES[name].label }))}
    />
  );
}
