#include "tests/support/fake_disk/fake_disk.hpp"

#include "tests/support/fake_disk/fake_files.hpp"

#include "net/rt/check.hpp"

#include <random>
#include <vector>

namespace lakeferry::test {

// One life of the disk, from a crash to the next.
struct fake_disk::generation {
    std::unique_ptr<rocksdb::Env> memory{rocksdb::NewMemEnv(rocksdb::Env::Default())};
    std::shared_ptr<disk_switches> switches = std::make_shared<disk_switches>();
    std::shared_ptr<fake_files> files = std::make_shared<fake_files>(memory->GetFileSystem(), switches);
    std::unique_ptr<rocksdb::Env> env = rocksdb::NewCompositeEnv(files);

    std::string read(const std::string& path) const
    {
        std::string bytes;
        return rocksdb::ReadFileToString(memory.get(), path, &bytes).ok() ? bytes : std::string();
    }
    void write(const std::string& path, const std::string& bytes) const
    {
        const auto slash = path.find_last_of('/');
        memory->CreateDirIfMissing(path.substr(0, slash)).PermitUncheckedError();
        rt::check(rocksdb::WriteStringToFile(memory.get(), bytes, path, false).ok(), "a file is written into memory");
    }
};

struct fake_disk::world {
    std::vector<std::unique_ptr<generation>> lives{};
    generation& now() const { return *lives.back(); }
};

fake_disk::fake_disk() : world_(std::make_unique<world>())
{
    world_->lives.push_back(std::make_unique<generation>());
}

fake_disk::~fake_disk() = default;

rocksdb::Env* fake_disk::env() noexcept { return world_->now().env.get(); }

void fake_disk::crash(std::uint64_t seed)
{
    auto& old = world_->now();
    old.switches->dead = true;
    auto next = std::make_unique<generation>();
    next->switches->changes = old.switches->changes.load();
    next->switches->syncs = old.switches->syncs.load();
    next->switches->free = old.switches->free.load();
    std::mt19937_64 rng(seed);
    for (const auto& [path, note] : old.files->notes()) {
        std::uint64_t kept = note.synced;
        if (seed != 0 && note.size > note.synced)
            kept += std::uniform_int_distribution<std::uint64_t>(0, note.size - note.synced)(rng);
        if (!note.ever_synced && kept == 0) continue;
        next->write(path, old.read(path).substr(0, kept));
        next->files->set_note(path, {.size = kept, .synced = kept, .ever_synced = true});
    }
    world_->lives.push_back(std::move(next));
}

void fake_disk::fail_with(disk_fault fault) noexcept { world_->now().switches->fault = fault; }

void fake_disk::set_free(std::uint64_t bytes) noexcept { world_->now().switches->free = bytes; }

void fake_disk::die_after(std::uint64_t changes) noexcept
{
    auto& switches = *world_->now().switches;
    switches.dies_at = switches.changes + changes;
}

bool fake_disk::dead() const noexcept { return world_->now().switches->dead; }
std::uint64_t fake_disk::changes() const noexcept { return world_->now().switches->changes; }
std::uint64_t fake_disk::syncs() const noexcept { return world_->now().switches->syncs; }

std::string fake_disk::read(const std::string& path) { return world_->now().read(path); }
void fake_disk::overwrite(const std::string& path, const std::string& bytes)
{
    auto& life = world_->now();
    life.write(path, bytes);
    life.files->set_note(path, {.size = bytes.size(), .synced = bytes.size(), .ever_synced = true});
}

std::string fake_disk::find(const std::string& directory, const std::string& suffix)
{
    for (const auto& [path, note] : world_->now().files->notes()) {
        if (path.starts_with(directory) && path.ends_with(suffix)) return path;
    }
    return {};
}

}  // namespace lakeferry::test
