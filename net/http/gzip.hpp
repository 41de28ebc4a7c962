// gzip (RFC 1952): whole bodies by libdeflate, files piece by piece by zlib. CPU work: large inputs belong on a worker.
#pragma once

#include "net/rt/failure.hpp"

#include <cstddef>
#include <memory>
#include <string>
#include <string_view>

namespace lakeferry::http {

// Unpacks a whole gzip body (several members are joined). Never allocates more than output_max, whatever the
// input pretends. Failures, all of class never: "gzip.malformed" (not gzip, broken or cut), "gzip.too_large".
// Any thread.
rt::outcome<std::string> inflate_gzip(std::string_view packed, std::size_t output_max);

// level: 0 (stored) to 12 (slowest); 1 is the fast one, 6 the usual one. Any thread.
std::string deflate_gzip(std::string_view plain, int level);

// Compresses many pieces, each into a gzip member of its own: members one after the other are one gzip file.
// Keeps its working memory. One thread at a time.
class gzip_packer {
public:
    explicit gzip_packer(int level);
    gzip_packer(gzip_packer&&) noexcept;
    gzip_packer& operator=(gzip_packer&&) noexcept;
    ~gzip_packer();

    // Appends one member.
    void pack(std::string_view plain, std::string& append);

private:
    struct state;
    std::unique_ptr<state> state_;
};

// Unpacks a stream of any size with little memory. One thread at a time.
class gzip_reader {
public:
    gzip_reader();
    gzip_reader(const gzip_reader&) = delete;
    gzip_reader& operator=(const gzip_reader&) = delete;
    ~gzip_reader();

    // Consumes a part of `packed` (which is shortened) and appends at most append_max bytes. Call again while
    // `packed` is not empty or append_max bytes came. "gzip.malformed" names the position in the unpacked data.
    rt::outcome<std::size_t> read(std::string_view& packed, std::string& append, std::size_t append_max);
    // Between two members: the input may end here. Elsewhere its end means that it was cut.
    bool may_end() const noexcept;

private:
    struct state;
    std::unique_ptr<state> state_;
};

}  // namespace lakeferry::http
