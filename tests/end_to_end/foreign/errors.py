"""Makes calls that are refused, and prints what Python's grpcio-status makes of each refusal.

errors.py HOST:PORT CALLS.json

CALLS.json is a list of {"rpc", "account", "deadline_s"} with "request" (protobuf's JSON) or "hex" (the bytes as they are). Printed is
a list of {"code", "message", "details"}, details in the order in which they came, each with its type.
"""

import json
import sys

import grpc
from google.protobuf import json_format
from google.protobuf.descriptor_pool import DescriptorPool
from google.protobuf.message_factory import GetMessageClass
from google.rpc import error_details_pb2
from grpc_reflection.v1alpha.proto_reflection_descriptor_database import (
    ProtoReflectionDescriptorDatabase,
)
from grpc_status import rpc_status


def request_bytes(pool, call):
    if "hex" in call:
        return bytes.fromhex(call["hex"])
    service_name, method_name = call["rpc"].split("/")
    method = pool.FindServiceByName(service_name).FindMethodByName(method_name)
    message = json_format.ParseDict(call["request"], GetMessageClass(method.input_type)(), descriptor_pool=pool)
    return message.SerializeToString()


def unpacked(packed):
    name = packed.type_url.rsplit(".", 1)[1]
    message = getattr(error_details_pb2, name)()
    assert packed.Unpack(message), packed.type_url
    return {"type": f"google.rpc.{name}", **json_format.MessageToDict(message)}


def refusal(error):
    status = rpc_status.from_call(error)
    assert status is not None, "a refusal has details"
    assert status.message == error.details(), (status.message, error.details())
    return {"code": error.code().name, "message": status.message, "details": [unpacked(one) for one in status.details]}


def main():
    target, calls = sys.argv[1:]
    refusals = []
    with open(calls, encoding="utf-8") as file:
        calls = json.load(file)
    with grpc.insecure_channel(target) as channel:
        pool = DescriptorPool(ProtoReflectionDescriptorDatabase(channel))
        for call in calls:
            metadata = (("x-citizens-access-account", call["account"]),) if call["account"] else ()
            try:
                channel.unary_unary(f"/{call['rpc']}")(
                    request_bytes(pool, call), timeout=call["deadline_s"], metadata=metadata
                )
                refusals.append(None)
            except grpc.RpcError as error:
                refusals.append(refusal(error))
    print(json.dumps(refusals))


main()
