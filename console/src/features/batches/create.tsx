import { useMutation, useQueryClient } from "@tanstack/react-query";
import { FileUp, Plus } from "lucide-react";
import { useRef, useState } from "react";
import { type Schema, api, patientFetch } from "@/shared/api/client";
import { ApiError, problemOf } from "@/shared/api/error";
import { cn } from "@/shared/lib/cn";
import { bytes } from "@/shared/lib/format";
import { Button } from "@/shared/ui/button";
import { Code } from "@/shared/ui/copy";
import { Dialog } from "@/shared/ui/dialog";
import { Field, Input, Select } from "@/shared/ui/field";
import { ErrorLine } from "@/shared/ui/states";
import { ENDPOINTS, type Endpoint, SAMPLE, firstOf } from "./lines";
import type { Batch } from "./standing";

const LOOKED_AT = 256 * 1024;
const PATIENCE_MS = 600_000;

/** Hand in a file and make a batch of it. */
export function CreateBatch({
  onMade,
  look = "primary",
}: {
  onMade: (batch: Batch) => void;
  look?: "primary" | "plain";
}) {
  const [open, setOpen] = useState(false);
  return (
    <>
      <Button look={look} icon={Plus} onClick={() => setOpen(true)}>
        Create batch
      </Button>
      {open && (
        <Form
          onClose={() => setOpen(false)}
          onMade={(batch) => {
            setOpen(false);
            onMade(batch);
          }}
        />
      )}
    </>
  );
}

interface Chosen {
  file: File;
  problem: string | null;
}

function Form({ onClose, onMade }: { onClose: () => void; onMade: (batch: Batch) => void }) {
  const client = useQueryClient();
  const [chosen, setChosen] = useState<Chosen | null>(null);
  const [endpoint, setEndpoint] = useState<Endpoint>(ENDPOINTS[0]);
  const [name, setName] = useState("");
  const make = useMutation({
    meta: { quiet: true },
    mutationFn: async (file: File) => {
      const { id } = await handIn(file);
      const metadata = name.trim() ? { name: name.trim().slice(0, 512) } : null;
      const { data } = await api.POST("/v1/batches", {
        body: { input_file_id: id, endpoint, completion_window: "24h", metadata },
      });
      return data!;
    },
    onSuccess: async (batch) => {
      await client.invalidateQueries({ queryKey: ["get", "/v1/batches"] });
      onMade(batch);
    },
  });
  const choose = async (file: File) => {
    const found = firstOf(await file.slice(0, LOOKED_AT).text());
    setChosen({ file, problem: "problem" in found ? found.problem : null });
    if ("endpoint" in found) setEndpoint(found.endpoint);
    setName((before) => before || file.name);
    make.reset();
  };
  const ready = chosen !== null && chosen.problem === null;
  return (
    <Dialog
      open
      wide
      onOpenChange={(open) => !open && onClose()}
      title="Create a batch"
      description="The gateway asks every line of a file, with your key and within your limits, for up to a day."
      footer={
        <>
          <Button onClick={onClose}>Cancel</Button>
          <Button look="primary" type="submit" form="new-batch" busy={make.isPending} disabled={!ready}>
            Create batch
          </Button>
        </>
      }
    >
      <form
        id="new-batch"
        className="flex flex-col gap-4"
        onSubmit={(event) => {
          event.preventDefault();
          if (ready) make.mutate(chosen.file);
        }}
      >
        <FileField chosen={chosen} onFile={(file) => void choose(file)} />
        <div className="grid gap-4 sm:grid-cols-2">
          <Field label="Asks for" hint="The “url” of every line.">
            <Select
              value={endpoint}
              onValue={setEndpoint}
              options={ENDPOINTS.map((value) => ({ value, label: value }))}
            />
          </Field>
          <Field label="Name" hint="What the list calls it.">
            <Input value={name} maxLength={512} onChange={(event) => setName(event.target.value)} />
          </Field>
        </div>
        <ErrorLine error={make.error} />
        {chosen === null && (
          <div className="flex flex-col gap-2">
            <div className="flex flex-wrap items-center justify-between gap-2">
              <p className="text-sm text-soft">One request in each line, each with an id of its own:</p>
              <Button size="sm" onClick={() => void choose(new File([SAMPLE], "sample.jsonl"))}>
                Use this sample
              </Button>
            </div>
            <Code text={SAMPLE} label="Copy the sample" />
          </div>
        )}
      </form>
    </Dialog>
  );
}

function FileField({ chosen, onFile }: { chosen: Chosen | null; onFile: (file: File) => void }) {
  const input = useRef<HTMLInputElement>(null);
  const [over, setOver] = useState(false);
  return (
    <Field label="File" error={chosen?.problem ?? undefined}>
      {/* Dropping is a shorter way for a mouse; the button beside it does the same for everybody. */}
      {/* eslint-disable-next-line jsx-a11y/no-static-element-interactions */}
      <div
        onDragOver={(event) => {
          event.preventDefault();
          setOver(true);
        }}
        onDragLeave={() => setOver(false)}
        onDrop={(event) => {
          event.preventDefault();
          setOver(false);
          const [file] = event.dataTransfer.files;
          if (file) onFile(file);
        }}
        className={cn(
          "flex flex-wrap items-center gap-3 rounded-md border border-dashed border-edge px-3 py-3",
          over && "border-accent bg-accent-wash",
        )}
      >
        <Button icon={FileUp} onClick={() => input.current?.click()}>
          {chosen ? "Choose another file" : "Choose a file"}
        </Button>
        <input
          ref={input}
          type="file"
          aria-label="JSONL file"
          tabIndex={-1}
          accept=".jsonl,.ndjson,application/jsonl,application/x-ndjson"
          className="sr-only"
          onChange={(event) => {
            const [file] = event.target.files ?? [];
            if (file) onFile(file);
            event.target.value = "";
          }}
        />
        <span className="min-w-0 flex-1 truncate text-sm text-soft">
          {chosen ? (
            <>
              <span className="text-ink">{chosen.file.name}</span>, {bytes(chosen.file.size)}
            </>
          ) : (
            "or drop one here (JSONL)"
          )}
        </span>
      </div>
    </Field>
  );
}

/** Send a file as it is: it may be too large to be held twice. */
async function handIn(file: File): Promise<Schema["FileObject"]> {
  const body = new FormData();
  body.set("purpose", "batch");
  body.set("file", file, file.name);
  const url = new URL("/v1/files", location.origin);
  const response = await patientFetch(new Request(url, { method: "POST", body }), PATIENCE_MS);
  if (!response.ok) throw await problemOf(response);
  const made: unknown = await response.json();
  if (typeof made === "object" && made !== null && "id" in made) return made as Schema["FileObject"];
  throw new ApiError(0, "no_file", "The gateway did not say what the file is called.");
}
