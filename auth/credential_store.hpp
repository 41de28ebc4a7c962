// Where secrets are read from.
#pragma once

#include "auth/secret.hpp"
#include "net/rt/failure.hpp"

#include <string>

namespace lakeferry::auth {

// Names a secret, never holds one.
struct credential_ref {
    enum class kind { none, credential, file };
    kind from = kind::none;
    std::string name{};  // of the systemd credential, or the path of the file

    friend bool operator==(const credential_ref&, const credential_ref&) = default;
};

// "credential \"acme\"" or "file /etc/…", for messages.
std::string describe(const credential_ref& ref);

// Reads at every call, so that a rotated secret is found without a restart. Files are small and
// local; the call blocks for as long as reading one takes.
class credential_store {
public:
    // systemd's $CREDENTIALS_DIRECTORY, or empty when the service has none.
    explicit credential_store(std::string credentials_directory);

    // One trailing newline is not part of the secret. Failures (never), each with what to do:
    // "credential.none", "credential.bad_name", "credential.no_directory", "credential.not_found",
    // "credential.unreadable", "credential.not_a_file", "credential.too_open" (says chmod 600 FILE),
    // "credential.empty", "credential.too_large", "credential.malformed" (control characters).
    rt::outcome<secret> read(const credential_ref& ref) const;

private:
    std::string directory_;
};

}  // namespace lakeferry::auth
