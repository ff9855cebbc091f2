import { Download } from "lucide-react";
import { query } from "@/shared/api/client";
import { DIMENSIONS, DIMENSION_NAMES, type Dimension, useFilters } from "@/shared/books/filters";
import { FilterBar } from "@/shared/books/filter-bar";
import { useAddress, useParam } from "@/shared/lib/url";
import { buttonClass } from "@/shared/ui/button";
import { Page } from "@/shared/ui/page";
import { RangePicker, useRange } from "@/shared/ui/range";
import { Select } from "@/shared/ui/field";
import { Segmented } from "@/shared/ui/tabs";
import { Loaded } from "@/shared/ui/states";
import type { Step } from "@/shared/books/series";
import { drilled, exportUrl, stepsFor } from "./drill";
import { Figures } from "./figures";
import { Groups } from "./groups";
import { UsageOverTime } from "./over-time";

const MOST_GROUPS = 500;
const IN_CHART = 7;

export default function UsagePage() {
  const range = useRange("30d");
  const [asked, setBy] = useParam<Dimension>("by", "model");
  const by = asked in DIMENSIONS ? asked : "model";
  const [filters] = useFilters();
  const [, change] = useAddress();
  const steps = stepsFor(range.hours);
  const [askedStep, setStep] = useParam<Step>("step", range.step);
  const step = steps.includes(askedStep) ? askedStep : range.step;
  // Conversations are not kept by tag.
  const left = DIMENSION_NAMES.filter(
    (name) => !(name === "tag" && filters.conversation) && !(name === "conversation" && filters.tag),
  );
  const cut = { since: range.since, ...filters };
  const table = query.useQuery(
    "get",
    "/api/usage",
    { params: { query: { ...cut, by, compare: true, limit: MOST_GROUPS } } },
    { placeholderData: (before) => before, refetchInterval: 60_000 },
  );
  const chart = query.useQuery(
    "get",
    "/api/usage",
    { params: { query: { ...cut, by, step, limit: IN_CHART } } },
    { placeholderData: (before) => before, refetchInterval: 60_000 },
  );
  return (
    <Page
      title="Usage and cost"
      actions={
        <>
          <RangePicker value={range.name} onValue={range.setName} />
          <a href={exportUrl(cut, by, step)} download className={buttonClass()}>
            <Download size={14} aria-hidden />
            Export CSV
          </a>
        </>
      }
    >
      <div className="flex flex-wrap items-center gap-2">
        <FilterBar since={range.since} />
        <div className="max-w-full overflow-x-auto">
          <Segmented
            label="Grouped by"
            value={by}
            onValue={setBy}
            options={left.map((name) => ({ value: name, label: DIMENSIONS[name].label }))}
          />
        </div>
        <Select
          label="Steps of time"
          value={step}
          onValue={setStep}
          options={steps.map((name) => ({ value: name, label: `By the ${name}` }))}
        />
      </div>
      <Loaded of={table} lines={3}>
        {(data) => <Figures total={data.total} period={range.label} />}
      </Loaded>
      <UsageOverTime report={chart} by={by} step={step} />
      <Groups
        report={table}
        by={by}
        most={MOST_GROUPS}
        since={range.since}
        filters={filters}
        onDrill={(name) => change(drilled(filters, by, name), true)}
      />
    </Page>
  );
}
