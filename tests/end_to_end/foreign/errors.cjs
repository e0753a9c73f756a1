// Makes calls that are refused, and prints what Node's grpc-js and Google's published definitions make of each refusal.
//
// node errors.cjs HOST:PORT CALLS.json PROTO_FOLDER
//
// In and out as with errors.py. Requests are encoded by the .proto files in PROTO_FOLDER; nothing else of this project is used.

const fs = require("node:fs");
const path = require("node:path");
const grpc = require("@grpc/grpc-js");
const loader = require("@grpc/proto-loader");
const protobuf = require("protobufjs");
const google = require("google-proto-files");

const STATUS_DETAILS = "grpc-status-details-bin";

const rpcTypes = new protobuf.Root();
rpcTypes.resolvePath = (_, target) => (fs.existsSync(target) ? target : google.getProtoPath("..", target));
rpcTypes.loadSync([google.getProtoPath("rpc/status.proto"), google.getProtoPath("rpc/error_details.proto")]);

function plain(type, bytes) {
  const message = rpcTypes.lookupType(type);
  return message.toObject(message.decode(bytes), { longs: Number });
}

// As protobuf's JSON has it: a duration in seconds, with three digits of their fraction where there is one.
function said(type, fields) {
  if (type === "google.rpc.RetryInfo") {
    const { seconds = 0, nanos = 0 } = fields.retryDelay;
    return { retryDelay: nanos === 0 ? `${seconds}s` : `${(seconds + nanos / 1e9).toFixed(3)}s` };
  }
  return fields;
}

function refusal(error) {
  const [packed] = error.metadata.get(STATUS_DETAILS);
  const status = plain("google.rpc.Status", packed);
  if (status.message !== error.details || status.code !== error.code) throw new Error(`two words: ${error.details}`);
  const details = status.details.map((one) => {
    const type = one.type_url.split("/")[1];
    return { type, ...said(type, plain(type, one.value)) };
  });
  return { code: grpc.status[error.code], message: status.message, details };
}

function protoFiles(folder) {
  const names = fs.readdirSync(folder, { recursive: true });
  return names.filter((name) => name.endsWith(".proto"));
}

function requestBytes(services, call) {
  if (call.hex !== undefined) return Buffer.from(call.hex, "hex");
  const [service, method] = call.rpc.split("/");
  return services[service][method].requestSerialize(call.request);
}

function made(client, services, call) {
  const metadata = new grpc.Metadata();
  if (call.account) metadata.set("x-citizens-access-account", call.account);
  const options = { deadline: Date.now() + call.deadline_s * 1000 };
  const same = (bytes) => bytes;
  return new Promise((resolve) => {
    client.makeUnaryRequest(`/${call.rpc}`, same, same, requestBytes(services, call), metadata, options, (error) =>
      resolve(error ? refusal(error) : null),
    );
  });
}

async function main() {
  const [target, calls, protoFolder] = process.argv.slice(2);
  const includeDirs = [path.resolve(protoFolder)];
  const services = loader.loadSync(protoFiles(protoFolder), { includeDirs, keepCase: true, enums: String });
  const client = new grpc.Client(target, grpc.credentials.createInsecure());
  const refusals = [];
  for (const call of JSON.parse(fs.readFileSync(calls, "utf8"))) refusals.push(await made(client, services, call));
  client.close();
  console.log(JSON.stringify(refusals));
}

main();
