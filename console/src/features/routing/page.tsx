import { Link } from "@tanstack/react-router";
import { useMay } from "@/shared/session";
import { Page } from "@/shared/ui/page";
import { cn } from "@/shared/lib/cn";
import { Aliases } from "./aliases";
import { Explain } from "./explain";
import { Replay } from "./replay";
import { StrategyCard } from "./strategy";

export default function RoutingPage() {
  const can = useMay();
  const admin = can("admin");
  return (
    <Page
      title="Routing"
      lead={
        <>
          Who answers which request. Who stands in for whom is on the page of{" "}
          <Link to="/providers" className="text-accent underline">
            providers
          </Link>
          .
        </>
      }
    >
      <div className={cn("grid items-start gap-4", admin && "xl:grid-cols-[minmax(0,1fr)_22rem]")}>
        <div className="flex min-w-0 flex-col gap-4">
          <Explain />
          {can("read", "manage") && <Replay />}
        </div>
        {admin && (
          <div className="flex min-w-0 flex-col gap-4">
            <StrategyCard />
            <Aliases />
          </div>
        )}
      </div>
    </Page>
  );
}
