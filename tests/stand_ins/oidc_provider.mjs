// A certified OpenID provider (npm oidc-provider) with one confidential client and pages to sign in and to consent on.
// Usage: node oidc_provider.mjs <port> <client id> <client secret> <redirect uri>. Whoever types `name` as login is
// name@corp.example; the password is not looked at.
import { Provider } from 'oidc-provider';

const [port, clientId, clientSecret, redirectUri] = process.argv.slice(2);
const issuer = `http://127.0.0.1:${port}`;

const provider = new Provider(issuer, {
  clients: [{
    client_id: clientId,
    client_secret: clientSecret,
    redirect_uris: [redirectUri],
    grant_types: ['authorization_code', 'refresh_token'],
    response_types: ['code'],
  }],
  scopes: ['openid', 'offline_access', 'email', 'profile'],
  claims: { openid: ['sub'], email: ['email', 'email_verified'], profile: ['name'] },
  pkce: { required: () => true },
  features: { revocation: { enabled: true } },
  findAccount: (_, login) => ({
    accountId: login,
    claims: () => ({ sub: login, name: login, email: `${login}@corp.example`, email_verified: true }),
  }),
  cookies: { keys: ['a key for this run'] },
  renderError: (context, out) => { context.body = out; },
});

provider.listen(Number(port), '127.0.0.1', () => process.stdout.write('listening\n'));
