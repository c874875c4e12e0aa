# How our own targets are compiled. All of it is scoped to this directory and those below, so that
# nothing reaches a project that Sluice is a part of; what users need is on sluice::sluice itself.

set(CMAKE_CXX_STANDARD 20)
set(CMAKE_CXX_STANDARD_REQUIRED ON)
set(CMAKE_CXX_EXTENSIONS OFF)

add_compile_options(-Wall -Wextra -Wpedantic -Wconversion -Wsign-conversion -Wshadow
                    -Wold-style-cast)
if(CMAKE_CXX_COMPILER_ID STREQUAL "GNU" AND CMAKE_CXX_COMPILER_VERSION VERSION_LESS 13)
  # Warns of "literal" + std::string inside libstdc++ itself (GCC bug 105651, mended in 13).
  add_compile_options(-Wno-restrict)
endif()
if(SLUICE_WARNINGS_AS_ERRORS)
  add_compile_options(-Werror)
endif()

if(SLUICE_SANITIZE)
  add_compile_options(-fsanitize=${SLUICE_SANITIZE} -fno-sanitize-recover=all
                      -fno-omit-frame-pointer)
  add_link_options(-fsanitize=${SLUICE_SANITIZE})
  # The sanitizers of these compilers refuse to start where the kernel randomises more address bits
  # than they know of (vm.mmap_rnd_bits = 32 on newer distributions), so their programs run without
  # randomisation where that is allowed (a container may forbid it).
  execute_process(COMMAND setarch -R true RESULT_VARIABLE setarch_failed OUTPUT_QUIET ERROR_QUIET)
  if(setarch_failed EQUAL 0 AND NOT CMAKE_CROSSCOMPILING_EMULATOR)
    set(CMAKE_CROSSCOMPILING_EMULATOR setarch -R)
  endif()
endif()

if(SLUICE_FUZZ)
  # Who fuzzes sees which branches of the library an input reaches.
  add_compile_options(-fsanitize=fuzzer-no-link)
endif()

# sluice_has_coroutines(<target>): clang++ 14 cannot assemble a coroutine that is checked for calls
# through a pointer to another type of function ("Cannot represent a difference across sections",
# LLVM issue 49689).
function(sluice_has_coroutines target)
  if(SLUICE_SANITIZE MATCHES "undefined" AND CMAKE_CXX_COMPILER_ID STREQUAL "Clang")
    target_compile_options(${target} PRIVATE -fno-sanitize=function)
  endif()
endfunction()

if(PROJECT_IS_TOP_LEVEL)
  if(NOT CMAKE_BUILD_TYPE AND NOT CMAKE_CONFIGURATION_TYPES)
    set(CMAKE_BUILD_TYPE Release CACHE STRING "Kind of build" FORCE)
  endif()
  set(CMAKE_EXPORT_COMPILE_COMMANDS ON)
  set(CMAKE_RUNTIME_OUTPUT_DIRECTORY ${PROJECT_BINARY_DIR}/bin)
  find_program(SLUICE_CCACHE ccache)
  if(SLUICE_CCACHE AND NOT CMAKE_CXX_COMPILER_LAUNCHER)
    # What a source depends on comes from its compilation, not from another run of the preprocessor,
    # and headers that are compiled beforehand may be kept, too: an eighth less of a first build.
    set(CMAKE_CXX_COMPILER_LAUNCHER
      env CCACHE_DEPEND=1 CCACHE_SLOPPINESS=pch_defines,time_macros ${SLUICE_CCACHE})
  endif()
endif()
