import { plural, words } from "@/shared/lib/format";
import type { Model } from "@/shared/llm/useModels";
import { Input, SearchInput, Select } from "@/shared/ui/field";
import { Segmented } from "@/shared/ui/tabs";
import type { FilterState } from "./filtering";

export function Filters({
  filters,
  models,
  shown,
}: {
  filters: FilterState;
  models: readonly Model[];
  shown: number;
}) {
  const providers = [...new Set(models.map((one) => one.provider))].toSorted();
  const capabilities = [...new Set(models.flatMap((one) => one.capabilities))].toSorted();
  return (
    <div role="search" aria-label="Filter models" className="flex flex-wrap items-center gap-2 border-b p-3">
      <SearchInput
        label="Search models"
        value={filters.text}
        onValue={filters.setText}
        className="min-w-48 flex-1 sm:max-w-72"
      />
      <Select
        label="Provider"
        value={filters.provider}
        onValue={filters.setProvider}
        options={[
          { value: "", label: "All providers" },
          ...providers.map((value) => ({ value, label: value })),
        ]}
        className="w-38"
      />
      <Select
        label="Capability"
        value={filters.capability}
        onValue={filters.setCapability}
        options={[
          { value: "", label: "Can do anything" },
          ...capabilities.map((value) => ({ value, label: words(value) })),
        ]}
        className="w-40"
      />
      <Input
        type="number"
        min={0}
        step="any"
        aria-label="Input price at most, USD per million tokens"
        placeholder="$ / M at most"
        value={filters.price}
        onChange={(event) => filters.setPrice(event.target.value)}
        className="w-30"
      />
      <Select
        label="Context at least"
        value={filters.context}
        onValue={filters.setContext}
        options={[
          { value: "", label: "Any context" },
          { value: "32000", label: "32K and more" },
          { value: "128000", label: "128K and more" },
          { value: "200000", label: "200K and more" },
          { value: "1000000", label: "1M and more" },
        ]}
        className="w-36"
      />
      <Segmented
        label="Which models"
        value={filters.show}
        onValue={filters.setShow}
        options={[
          { value: "now", label: "Usable now" },
          { value: "open", label: "Open weights" },
          { value: "all", label: "All" },
        ]}
      />
      <p role="status" className="ml-auto text-xs text-faint">
        {plural(shown, "model")}
      </p>
    </div>
  );
}
