#include "sync/profiles/gzip_file.hpp"

#include "net/rt/check.hpp"

#include <zlib.h>

#include <algorithm>
#include <limits>
#include <utility>

namespace lakeferry::profiles {

namespace {

// Rows of events: a sixth fewer bytes than level 1 at half its speed, which is still more than a network takes; from here on
// each level costs more time than it saves bytes.
constexpr int level = 5;

}  // namespace

struct gzip_file::deflater {
    z_stream zlib{};
    std::string out{};
    std::size_t used = 0;
    std::uint64_t in = 0;

    deflater()
    {
        constexpr int gzip_window = 15 + 16;
        rt::check(::deflateInit2(&zlib, level, Z_DEFLATED, gzip_window, 8, Z_DEFAULT_STRATEGY) == Z_OK, "zlib starts");
    }
    ~deflater() { ::deflateEnd(&zlib); }
    deflater(const deflater&) = delete;
    deflater& operator=(const deflater&) = delete;

    // true: the stream has ended.
    bool run(int flush)
    {
        constexpr std::size_t room = 64U << 10;
        int code = Z_OK;
        do {
            if (out.size() - used < room) out.resize(std::max(out.size() * 2, used + 4 * room));
            const std::size_t space = std::min<std::size_t>(out.size() - used, std::numeric_limits<uInt>::max());
            zlib.next_out = static_cast<Bytef*>(static_cast<void*>(out.data() + used));
            zlib.avail_out = static_cast<uInt>(space);
            code = ::deflate(&zlib, flush);
            rt::check(code == Z_OK || code == Z_STREAM_END || code == Z_BUF_ERROR, "zlib goes on");
            used += space - zlib.avail_out;
        } while (zlib.avail_out == 0 || (flush == Z_FINISH && code != Z_STREAM_END));
        return code == Z_STREAM_END;
    }
};

gzip_file::gzip_file() : deflater_(std::make_unique<deflater>()) {}
gzip_file::~gzip_file() = default;

void gzip_file::add(std::string_view text)
{
    deflater_->in += text.size();
    while (!text.empty()) {
        const std::size_t piece = std::min<std::size_t>(text.size(), std::size_t{1} << 30U);
        // zlib's interface predates const; it does not write there.
        deflater_->zlib.next_in = static_cast<Bytef*>(static_cast<void*>(const_cast<char*>(text.data())));
        deflater_->zlib.avail_in = static_cast<uInt>(piece);
        deflater_->run(Z_NO_FLUSH);
        text.remove_prefix(piece);
    }
}

std::size_t gzip_file::compressed() const noexcept { return deflater_->used; }
std::uint64_t gzip_file::added() const noexcept { return deflater_->in; }

std::string gzip_file::take()
{
    deflater_->zlib.avail_in = 0;
    deflater_->run(Z_FINISH);
    std::string out = std::exchange(deflater_->out, {});
    out.resize(deflater_->used);
    deflater_->used = 0;
    deflater_->in = 0;
    rt::check(::deflateReset(&deflater_->zlib) == Z_OK, "zlib starts again");
    return out;
}

}  // namespace lakeferry::profiles
