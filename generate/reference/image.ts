import { execFile } from 'node:child_process';
import { promisify } from 'node:util';
import { createFileRegistry, type DescService, type FileRegistry, fromBinary } from '@bufbuild/protobuf';
import { FileDescriptorSetSchema } from '@bufbuild/protobuf/wkt';

const run = promisify(execFile);
const imageBytesMax = 67_108_864;
const timeoutMs = 120_000;

/**
 * All of `proto/` with its comments, which the descriptors in `gen/es` have not. Needs `buf` on the path. `cwd`: where
 * buf.yaml is.
 */
export async function buildImage(cwd = '.'): Promise<FileRegistry> {
  const args = ['build', '--output', '-#format=binpb'];
  const options = { encoding: 'buffer', maxBuffer: imageBytesMax, timeout: timeoutMs, cwd } as const;
  const { stdout } = await run('buf', args, options);
  return createFileRegistry(fromBinary(FileDescriptorSetSchema, stdout));
}

/** Every service of the image, ours first, in the order of their files. */
export function servicesOf(image: FileRegistry): readonly DescService[] {
  const services = [...image.files].flatMap((file) => file.services);
  const rank = ({ typeName }: DescService) => order.findIndex((prefix) => typeName.startsWith(prefix));
  return services
    .filter((service) => rank(service) !== -1)
    .sort((a, b) => rank(a) - rank(b) || (a.typeName < b.typeName ? -1 : 1));
}

const order = ['zitadel.user.', 'latchkey.', 'zitadel.', 'grpc.health.', 'grpc.reflection.'];
