import { GitCompareArrows, Plus } from "lucide-react";
import { useMemo, useState } from "react";
import { plural } from "@/shared/lib/format";
import { useParam } from "@/shared/lib/url";
import { useModels } from "@/shared/llm/useModels";
import { useMay } from "@/shared/session";
import { Button } from "@/shared/ui/button";
import { Page } from "@/shared/ui/page";
import { Loaded } from "@/shared/ui/states";
import { Tabs } from "@/shared/ui/tabs";
import { ModelComparison } from "./ModelComparison";
import { ModelConfig } from "./ModelConfig";
import { ModelDetail } from "./detail";
import { Filters } from "./filters";
import { ModelsTable } from "./models-table";
import { OwnModels } from "./own-models";
import { Recommend } from "./recommend";
import { mostAskedFirst, useObserved, useObservedOnce } from "./observed";
import { useFilters } from "./filtering";

const MOST_COMPARED = 4;

/** Which models there are, which to take, and models of one's own. */
export function ModelsPage() {
  const can = useMay();
  const [tab, setTab] = useParam("tab", "all");
  const [open, setOpen] = useParam("model", "");
  const [compare, setCompare] = useParam("compare", "");
  const [adding, setAdding] = useState(false);
  const models = useModels();
  const chosen = useMemo(() => compare.split(",").filter(Boolean), [compare]);
  const [comparing, setComparing] = useParam("comparing", "");
  const choose = (id: string) => {
    const without = chosen.filter((one) => one !== id);
    setCompare((without.length < chosen.length ? without : [...chosen, id].slice(-MOST_COMPARED)).join(","));
  };
  return (
    <Page
      title="Models"
      lead={
        models.data &&
        `${plural(models.data.filter((one) => one.available).length, "model")} of ${models.data.length} can be asked now`
      }
      actions={
        <>
          {chosen.length > 0 && (
            <Button
              icon={GitCompareArrows}
              look={chosen.length > 1 ? "primary" : "plain"}
              disabled={chosen.length < 2}
              onClick={() => setComparing("yes")}
            >
              Compare {chosen.length}
            </Button>
          )}
          {can("manage") && (
            <Button icon={Plus} onClick={() => setAdding(true)}>
              Add a model of your own
            </Button>
          )}
        </>
      }
    >
      <Tabs
        label="Models"
        value={tab}
        onValue={setTab}
        tabs={[
          {
            value: "all",
            label: "All models",
            content: (
              <Catalog models={models} chosen={chosen} onChoose={choose} open={open} onOpen={setOpen} />
            ),
          },
          { value: "recommend", label: "Recommend", content: <Recommend onOpen={setOpen} /> },
          { value: "own", label: "Your own", content: <OwnModels onAdd={() => setAdding(true)} /> },
        ]}
      />
      <ModelDetail
        id={open}
        onClose={() => setOpen("")}
        chosen={chosen.includes(open)}
        onChoose={() => choose(open)}
      />
      <ModelComparison
        ids={chosen}
        open={comparing === "yes" && chosen.length > 1}
        onOpenChange={(on) => setComparing(on ? "yes" : "")}
        onDrop={choose}
      />
      {adding && <ModelConfig onClose={() => setAdding(false)} />}
    </Page>
  );
}

function Catalog({
  models,
  chosen,
  onChoose,
  open,
  onOpen,
}: {
  models: ReturnType<typeof useModels>;
  chosen: readonly string[];
  onChoose: (id: string) => void;
  open: string;
  onOpen: (id: string) => void;
}) {
  const filters = useFilters();
  const observed = useObserved();
  const ready = useObservedOnce();
  return (
    <Loaded of={ready ? models : { ...models, data: undefined }} lines={12}>
      {(all) => {
        const rows = mostAskedFirst(filters.apply(all), observed);
        return (
          <div className="overflow-hidden rounded-lg border bg-panel">
            <Filters filters={filters} models={all} shown={rows.length} />
            <ModelsTable
              rows={rows}
              observed={observed}
              chosen={chosen}
              onChoose={onChoose}
              open={open}
              onOpen={onOpen}
              onReset={filters.reset}
            />
          </div>
        );
      }}
    </Loaded>
  );
}
