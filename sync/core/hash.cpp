#include "sync/core/hash.hpp"

#include "net/rt/check.hpp"

#include <openssl/evp.h>

#include <algorithm>
#include <memory>

namespace lakeferry::core {
namespace {

// Fetching an algorithm and making a context cost more than hashing a short text, so both are kept.
class hasher {
public:
    explicit hasher(const char* name) : algorithm_(EVP_MD_fetch(nullptr, name, nullptr)), context_(EVP_MD_CTX_new())
    {
        rt::check(algorithm_ && context_, "libcrypto has SHA-1 and SHA-256");
    }
    hasher(const hasher&) = delete;
    hasher& operator=(const hasher&) = delete;
    ~hasher()
    {
        EVP_MD_CTX_free(context_);
        EVP_MD_free(algorithm_);
    }

    hasher& begin()
    {
        rt::check(EVP_DigestInit_ex2(context_, algorithm_, nullptr) == 1, "a digest starts");
        return *this;
    }
    hasher& add(const void* data, std::size_t size)
    {
        rt::check(EVP_DigestUpdate(context_, data, size) == 1, "a digest takes bytes");
        return *this;
    }
    hasher& add(std::string_view text) { return add(text.data(), text.size()); }
    std::array<std::uint8_t, EVP_MAX_MD_SIZE> end()
    {
        std::array<std::uint8_t, EVP_MAX_MD_SIZE> out{};
        rt::check(EVP_DigestFinal_ex(context_, out.data(), nullptr) == 1, "a digest ends");
        return out;
    }

private:
    EVP_MD* algorithm_;
    EVP_MD_CTX* context_;
};

hasher& sha1()
{
    thread_local hasher one("SHA1");
    return one;
}

hasher& sha256()
{
    thread_local hasher one("SHA256");
    return one;
}

std::string hex(const std::uint8_t* bytes, std::size_t count)
{
    static constexpr char digits[] = "0123456789abcdef";
    std::string out(count * 2, '0');
    for (std::size_t i = 0; i < count; ++i) {
        out[2 * i] = digits[bytes[i] >> 4U];
        out[2 * i + 1] = digits[bytes[i] & 15U];
    }
    return out;
}

}  // namespace

std::string sha1_hex(std::string_view text) { return hex(sha1().begin().add(text).end().data(), 20); }

std::string sha1_hex(std::string_view first, std::string_view second)
{
    return hex(sha1().begin().add(first).add(second).end().data(), 20);
}

std::string sha1_prefix(std::string_view text, std::size_t digits)
{
    std::string all = sha1_hex(text);
    all.resize(std::min(digits, all.size()));
    return all;
}

std::string sha256_hex(std::string_view text) { return hex(sha256().begin().add(text).end().data(), 32); }

id128 digest128(std::initializer_list<std::string_view> parts)
{
    hasher& h = sha256().begin();
    for (const std::string_view part : parts) {
        std::array<std::uint8_t, 8> length{};
        for (std::size_t i = 0; i < length.size(); ++i)
            length[i] = static_cast<std::uint8_t>(std::uint64_t{part.size()} >> (8 * (length.size() - 1 - i)));
        h.add(length.data(), length.size()).add(part);
    }
    const auto whole = h.end();
    id128 out{};
    std::copy_n(whole.begin(), out.size(), out.begin());
    return out;
}

std::string to_hex(const id128& id) { return hex(id.data(), id.size()); }

}  // namespace lakeferry::core
