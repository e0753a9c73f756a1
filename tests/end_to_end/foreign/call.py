"""Calls one RPC of a server that is known only by its reflection service, and prints the reply as JSON.

call.py HOST:PORT ACCOUNT SERVICE/METHOD REQUEST_JSON

With CALL_CA in the environment, a file, it speaks TLS; with CALL_TOKEN it shows that token instead of the account.

Nothing of this project is used: what is proved is that any client in any language gets the same answers.
A refusal is printed as JSON too: {"code": ..., "message": ..., "reason": ...}.
"""

import json
import os
import sys

import grpc
from google.protobuf import any_pb2, json_format
from google.protobuf.descriptor_pool import DescriptorPool
from google.protobuf.message_factory import GetMessageClass
from grpc_reflection.v1alpha.proto_reflection_descriptor_database import (
    ProtoReflectionDescriptorDatabase,
)

STATUS_DETAILS = "grpc-status-details-bin"
DEADLINE_S = 30


def error_info_reason(error):
    """The reason of google.rpc.ErrorInfo, read by its field numbers: field 3 of the status holds Any messages."""
    details = dict(error.trailing_metadata() or ()).get(STATUS_DETAILS)
    if details is None:
        return None
    position = 0
    while position < len(details):
        tag, position = varint(details, position)
        if tag & 7 == 0:
            _, position = varint(details, position)
            continue
        length, position = varint(details, position)
        field, position = details[position : position + length], position + length
        if tag >> 3 == 3:
            packed = any_pb2.Any.FromString(field)
            if packed.type_url.endswith("google.rpc.ErrorInfo"):
                length, start = varint(packed.value, 1)
                return packed.value[start : start + length].decode()
    return None


def varint(data, position):
    value = shift = 0
    while True:
        byte = data[position]
        position += 1
        value |= (byte & 0x7F) << shift
        if byte < 0x80:
            return value, position
        shift += 7


def open_channel(target):
    authority = os.environ.get("CALL_CA")
    if authority is None:
        return grpc.insecure_channel(target)
    with open(authority, "rb") as file:
        return grpc.secure_channel(target, grpc.ssl_channel_credentials(root_certificates=file.read()))


def proof(account):
    token = os.environ.get("CALL_TOKEN")
    return ("x-citizens-access-account", account) if token is None else ("authorization", f"Bearer {token}")


def main():
    target, account, rpc, request_json = sys.argv[1:]
    service_name, method_name = rpc.split("/")
    with open_channel(target) as channel:
        pool = DescriptorPool(ProtoReflectionDescriptorDatabase(channel))
        method = pool.FindServiceByName(service_name).FindMethodByName(method_name)
        request = json_format.Parse(request_json, GetMessageClass(method.input_type)(), descriptor_pool=pool)
        call = channel.unary_unary(
            f"/{rpc}",
            request_serializer=lambda message: message.SerializeToString(),
            response_deserializer=GetMessageClass(method.output_type).FromString,
        )
        try:
            reply = call(request, timeout=DEADLINE_S, metadata=(proof(account),))
        except grpc.RpcError as error:
            refusal = {"code": error.code().name, "message": error.details(), "reason": error_info_reason(error)}
            print(json.dumps(refusal))
            return
        print(
            json_format.MessageToJson(
                reply,
                always_print_fields_with_no_presence=True,
                preserving_proto_field_name=True,
                descriptor_pool=pool,
            )
        )


main()
