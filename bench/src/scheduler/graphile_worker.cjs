// Has graphile-worker do no-op jobs and prints the seconds that they took. Arguments: URL COUNT one-a-commit|batched
"use strict";
const { Logger, WorkerPreset, makeWorkerUtils, run } = require("graphile-worker");
const { EventEmitter } = require("node:events");

// What its makers measure with.
const CONCURRENCY = 24;
const BATCHED = { localQueue: { size: 500 }, completeJobBatchDelay: 0, failJobBatchDelay: 0 };
const [connectionString, wanted, mode] = process.argv.slice(-3);
const count = Number(wanted);
const logger = new Logger(() => () => {});

async function main() {
  const utils = await makeWorkerUtils({ connectionString, logger });
  await utils.migrate();
  const jobs = `select graphile_worker.add_jobs(array_agg(
    ('noop', json_build_object('id', i), null, null, null, null, null, null)::graphile_worker.job_spec))
    from generate_series(1, $1::int) i`;
  await utils.withPgClient((client) => client.query(jobs, [count]));
  await utils.withPgClient((client) => client.query("vacuum analyze"));
  const events = new EventEmitter();
  const done = new Promise((resolve) => {
    let completed = 0;
    events.on("job:complete", () => ++completed === count && resolve());
  });
  const worker = { maxPoolSize: CONCURRENCY + 1, concurrentJobs: CONCURRENCY, ...(mode === "batched" ? BATCHED : {}) };
  const begun = process.hrtime.bigint();
  const runner = await run({
    connectionString,
    events,
    logger,
    noHandleSignals: true,
    preset: { extends: [WorkerPreset], worker },
    taskList: { noop: () => {} },
  });
  await done;
  // The last jobs are told to be complete before that is written.
  while ((await utils.withPgClient((client) => client.query("select from graphile_worker.jobs limit 1"))).rowCount > 0);
  const seconds = Number(process.hrtime.bigint() - begun) / 1e9;
  await runner.stop();
  await utils.release();
  console.log(seconds);
}

main().catch((error) => {
  console.error(error);
  process.exit(1);
});
