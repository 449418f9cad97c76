import dns, { type LookupAddress } from 'node:dns';
import { BlockList, isIP, type LookupFunction } from 'node:net';
import { ExportdError } from '../../core/errors.ts';

/** Where clouds keep the credentials of the machine; no storage is there. IPv4 within IPv6 is seen through. */
const LINK_LOCAL = new BlockList();
LINK_LOCAL.addSubnet('169.254.0.0', 16, 'ipv4');
LINK_LOCAL.addSubnet('fe80::', 10, 'ipv6');

/** Throws DOWNLOAD_REFUSED where the URL itself names a link-local address. */
export function refuseLinkLocal(url: URL): void {
  const host = url.hostname.replace(/^\[(.*)\]$/, '$1');
  if (isLinkLocal(host)) throw refused(host);
}

/** The system's look-up; refuses a name with a link-local address, before anything is connected to it. */
export const lookupBeyondLink: LookupFunction = (hostname, options, callback) => {
  dns.lookup(hostname, { ...options, all: true }, (error, addresses: LookupAddress[]) => {
    if (error !== null) {
      callback(error, []);
      return;
    }
    const [first] = addresses;
    if (addresses.some(({ address }) => isLinkLocal(address)) || first === undefined) callback(refused(hostname), []);
    else if (options.all === true) callback(null, addresses);
    else callback(null, first.address, first.family);
  });
};

function isLinkLocal(address: string): boolean {
  const family = isIP(address);
  return family !== 0 && LINK_LOCAL.check(address, family === 6 ? 'ipv6' : 'ipv4');
}

function refused(host: string): ExportdError {
  return new ExportdError('DOWNLOAD_REFUSED', `the download URL leads to ${host}, which is a link-local address`, {
    scope: 'period',
    hint: 'exports are not kept there: the source, or somebody between it and here, sent a wrong URL',
  });
}
