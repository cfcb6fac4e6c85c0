"""Create a Knative Service from code, wait until it is ready, call it, and delete it again."""

from __future__ import annotations

import argparse
import asyncio
import sys
from urllib.parse import urlsplit

import aiohttp

from wakeful.sdk import (
    Client,
    Container,
    EnvVar,
    ObjectMeta,
    RevisionSpec,
    RevisionTemplateSpec,
    Service,
    ServiceSpec,
    WakefulError,
    run_until_signal,
)

BOOK_IMAGE = "registry.cn-hangzhou.aliyuncs.com/knative-sample/helloworld-go:160e4dc8"


def make_service(name: str, image: str, target: str) -> Service:
    """What you would write in YAML, with types."""
    container = Container(image=image, env=[EnvVar(name="TARGET", value=target)])
    template = RevisionTemplateSpec(spec=RevisionSpec(containers=[container]))
    return Service(metadata=ObjectMeta(name=name), spec=ServiceSpec(template=template))


async def call(gateway: str, url: str) -> str:
    """Send one request through the gateway, whether or not the host of ``url`` has an address."""
    headers = {"Host": urlsplit(url).netloc}
    async with aiohttp.ClientSession() as session, session.get(gateway, headers=headers) as answer:
        answer.raise_for_status()
        return await answer.text()


async def main(options: argparse.Namespace) -> None:
    async with Client.connect(options.kubeconfig) as client:
        service = await client.create(make_service(options.name, options.image, options.target))
        print(f"{service} created")
        try:
            service = await client.wait_for_condition(service, "Ready")
            print(f"{service} is ready at {service.status.url}")
            print((await call(await client.find_gateway(), service.status.url)).rstrip())
        finally:
            if not options.keep:
                await client.delete(Service, options.name)
                await client.wait_until_gone(service)
                print(f"{service} deleted")


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--kubeconfig", help="by default, as kubectl finds it")
    parser.add_argument("--name", default="hello-sdk")
    parser.add_argument("--image", default=BOOK_IMAGE)
    parser.add_argument("--target", default="SDK", help="whom to greet")
    parser.add_argument("--keep", action="store_true", help="leave the service there")
    try:
        asyncio.run(run_until_signal(main(parser.parse_args())))
    except WakefulError as err:
        sys.exit(f"error: {err}")
