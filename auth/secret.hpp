// Bytes that must not leak.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>
#include <vector>

namespace lakeferry::auth {

// Wipes itself, cannot be copied by accident and has no conversion to text, so that it cannot reach
// a log line: whoever needs the bytes says reveal().
class secret {
public:
    secret() = default;
    // The given string is wiped too.
    explicit secret(std::string bytes);
    secret(secret&& other) noexcept = default;
    secret& operator=(secret&& other) noexcept;
    secret(const secret&) = delete;
    secret& operator=(const secret&) = delete;
    ~secret() { wipe(); }

    // Valid as long as this object is neither moved from nor destroyed.
    std::string_view reveal() const noexcept { return {bytes_.data(), bytes_.size()}; }
    bool empty() const noexcept { return bytes_.empty(); }
    std::size_t size() const noexcept { return bytes_.size(); }
    // Takes the same time wherever the difference is.
    bool same_as(const secret& other) const noexcept;

private:
    void wipe() noexcept;

    std::vector<char> bytes_;  // not a string: its small buffer would stay behind when moved
};

// Wipes a string that held a secret for a moment (a header, a request body).
void wipe(std::string& text) noexcept;

}  // namespace lakeferry::auth
