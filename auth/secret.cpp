#include "auth/secret.hpp"

#include <openssl/crypto.h>

#include <utility>

namespace lakeferry::auth {

secret::secret(std::string bytes) : bytes_(bytes.begin(), bytes.end())
{
    auth::wipe(bytes);
}

secret& secret::operator=(secret&& other) noexcept
{
    if (this != &other) {
        wipe();
        bytes_ = std::move(other.bytes_);
        other.bytes_.clear();
    }
    return *this;
}

bool secret::same_as(const secret& other) const noexcept
{
    return bytes_.size() == other.bytes_.size() &&
           CRYPTO_memcmp(bytes_.data(), other.bytes_.data(), bytes_.size()) == 0;
}

void secret::wipe() noexcept
{
    if (!bytes_.empty()) OPENSSL_cleanse(bytes_.data(), bytes_.size());
    bytes_.clear();
}

void wipe(std::string& text) noexcept
{
    if (!text.empty()) OPENSSL_cleanse(text.data(), text.size());
    text.clear();
}

}  // namespace lakeferry::auth
