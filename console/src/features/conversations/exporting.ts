import { patientFetch } from "@/shared/api/client";
import { problemOf } from "@/shared/api/error";
import { download } from "@/shared/lib/download";
import { failed } from "@/shared/ui/toast";

/** Save a conversation as a file: JSON with all branches, or the present one as Markdown. */
export async function exported(id: string, form: "json" | "md"): Promise<void> {
  try {
    const path = `/api/conversations/${encodeURIComponent(id)}/export?format=${form}`;
    const response = await patientFetch(new Request(new URL(path, location.origin)));
    if (!response.ok) throw await problemOf(response);
    download(`${id}.${form}`, await response.text(), form === "json" ? "application/json" : "text/markdown");
  } catch (error) {
    failed(error);
  }
}
