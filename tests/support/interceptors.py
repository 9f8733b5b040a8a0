"""Interceptors as operators write them, good and bad; a gateway loads them as `around:<name>`."""

SOURCE = '''
import asyncio
import time

import grpc
from grpc import aio


class Stamp(aio.ServerInterceptor):
    """Adds what came in `x-ask` to the answer's metadata, in the order of the interceptors."""

    def __init__(self, name):
        self.name = name

    async def intercept_service(self, continuation, details):
        handler = await continuation(details)
        if handler is None or handler.unary_unary is None:
            return handler

        async def call(request, context):
            answer = await handler.unary_unary(request, context)
            context.set_trailing_metadata((*context.trailing_metadata(), ("x-stamp", self.name)))
            return answer

        return grpc.unary_unary_rpc_method_handler(call)


def first():
    return Stamp("first")


def second():
    return Stamp("second")


class Keys(aio.ServerInterceptor):
    """Lets in whoever has the key."""

    async def intercept_service(self, continuation, details):
        if ("x-key", "open") in details.invocation_metadata:
            return await continuation(details)

        async def refuse(_request, context):
            await context.abort(grpc.StatusCode.UNAUTHENTICATED, "show your key")

        return grpc.unary_unary_rpc_method_handler(refuse)


class Bad(aio.ServerInterceptor):
    """Does what `x-do` says."""

    async def intercept_service(self, continuation, details):
        do = dict(details.invocation_metadata).get("x-do")
        handler = await continuation(details)
        if do == "raise":
            raise RuntimeError("the password is swordfish")
        if do == "nothing":
            return None
        if do == "rubbish":
            return 42
        if do == "form":
            return grpc.stream_stream_rpc_method_handler(lambda *_: None)
        if do == "wait":
            await asyncio.sleep(3600)
        if do == "block":
            time.sleep(2)
        if do == "number":

            async def call(request, context):
                return 42

            return grpc.unary_unary_rpc_method_handler(call)
        if do == "raise later":

            async def call(request, context):
                await handler.unary_unary(request, context)
                raise RuntimeError("the password is swordfish")

            return grpc.unary_unary_rpc_method_handler(call)
        return handler

'''
