// The daemon's side of `lakeferry import`: files of calls, piece by piece, resumable at every point.
#pragma once

#include "net/rt/failure.hpp"
#include "sync/core/space_config.hpp"
#include "sync/intake/acceptor.hpp"
#include "sync/intake/import_chunk.hpp"
#include "sync/intake/refusals.hpp"
#include "sync/intake/sources.hpp"

#include <cstdint>
#include <set>
#include <string>
#include <vector>

namespace lakeferry::intake {

inline constexpr std::size_t import_chunk_bytes_max = std::size_t{8} << 20;

struct import_file {
    std::string name{};         // for people
    std::uint64_t bytes = 0;    // of the file as it lies on disk
    std::string fingerprint{};  // tells one content from another; the client's choice
    std::string source{};       // id or name of the source for lines without a write key; empty: such lines are refused
    bool again = false;         // begin anew even if the file is known
    std::string refill{};       // table of calls: only rows that it lacks are brought; empty: an ordinary import
};

// Where an import stands.
struct import_position {
    std::string id{};
    import_progress at{};
    bool finished = false;
};

struct import_chunk {
    std::string id{};
    std::uint64_t offset = 0;  // in the unpacked file
    std::string bytes{};       // at most 8 MiB
    bool last = false;         // nothing follows; what stands behind the last newline is a line too
};

struct chunk_result {
    import_position position{};
    std::uint64_t accepted = 0;           // of this chunk
    std::uint64_t refused = 0;
    std::vector<refused_line> lines{};    // refused ones, the first 1,000
};

// Owner: the daemon. Loop thread only; the lines are read on the workers. All references outlive it.
// Accepted calls and the progress are written in one durable batch, so a chunk counts wholly or not at all, and one that
// is sent again (because its answer was lost) changes nothing and is answered with the position.
class importer {
public:
    importer(boost::asio::any_io_executor workers, store::store& in, const sources& from, acceptor& into,
             refusals& refused, const rt::wall_clock& calendar, const core::limits& limits);

    // Same name, size, fingerprint, source and table to fill: the same import, wherever it stopped. Failures: "import.no_source"
    // (never); those of the store and of acceptor::commit.
    rt::awaitable<rt::outcome<import_position>> begin(std::uint32_t space, import_file file);
    // Failures: "import.unknown" (no such import: begin again), "import.gap" (the offset lies beyond the position; the
    // detail says where to go on), "import.chunk_too_large" (never); "import.busy" (transient: a chunk of this import is
    // being read); those of acceptor::refuses and commit, which say when to come again.
    rt::awaitable<rt::outcome<chunk_result>> chunk(std::uint32_t space, import_chunk what);
    // Where it stands, for a client that lost an answer.
    rt::awaitable<rt::outcome<import_position>> position(std::uint32_t space, std::string id);

private:
    struct record;
    rt::awaitable<rt::outcome<record>> load(std::uint32_t space, std::string id);
    void note(std::uint32_t space, const record& of, const std::vector<refused_line>& lines);

    boost::asio::any_io_executor workers_;
    store::store& store_;
    const sources& sources_;
    acceptor& acceptor_;
    refusals& refusals_;
    const rt::wall_clock& calendar_;
    core::limits limits_;
    std::set<std::string> busy_{};
};

}  // namespace lakeferry::intake
