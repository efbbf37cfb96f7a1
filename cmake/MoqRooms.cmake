# One call per room, one per program, and one per unit test.
#
#   moq_library(NAME SOURCES a.c b.c DEPS base uv)         static library moq_NAME, for what is built here
#   moq_program(NAME SOURCES main.c DEPS native)           program in build/bin
#   moq_test(NAME SOURCES test_x.c DEPS transfork)         cmocka test, registered with ctest as NAME,
#                                                        labelled with its folder under tests/
#
# cmake/MoqInstall.cmake makes the libraries that are installed from the objects of the rooms. Symbols are hidden unless their
# header says otherwise (#pragma GCC visibility), so only what a door declares leaves an installed library.

function(moq_settings target)
    target_include_directories(${target} PUBLIC
        $<BUILD_INTERFACE:${CMAKE_SOURCE_DIR}> $<INSTALL_INTERFACE:${CMAKE_INSTALL_INCLUDEDIR}/moq>)
    target_compile_features(${target} PUBLIC c_std_11)
    target_compile_definitions(${target} PRIVATE _GNU_SOURCE)
    target_compile_options(${target} PRIVATE -Wall -Wextra -Wshadow -Wconversion -fvisibility=hidden)
endfunction()

# Names of rooms become their targets; everything else is passed on as it is.
function(moq_link target)
    foreach(dep ${ARGN})
        if(TARGET moq_${dep})
            target_link_libraries(${target} PUBLIC moq_${dep})
        else()
            target_link_libraries(${target} PUBLIC ${dep})
        endif()
    endforeach()
endfunction()

function(moq_library name)
    cmake_parse_arguments(ARG "" "" "SOURCES;DEPS" ${ARGN})
    add_library(moq_${name} STATIC ${ARG_SOURCES})
    moq_settings(moq_${name})
    target_compile_options(moq_${name} PRIVATE ${MOQ_LTO_COMPILE})
    moq_link(moq_${name} ${ARG_DEPS})
endfunction()

function(moq_program name)
    cmake_parse_arguments(ARG "" "" "SOURCES;DEPS" ${ARGN})
    add_executable(${name} ${ARG_SOURCES})
    moq_settings(${name})
    target_compile_options(${name} PRIVATE ${MOQ_LTO_COMPILE})
    target_link_options(${name} PRIVATE ${MOQ_LTO_LINK})
    moq_link(${name} ${ARG_DEPS})
    set_target_properties(${name} PROPERTIES RUNTIME_OUTPUT_DIRECTORY ${CMAKE_BINARY_DIR}/bin)
endfunction()

function(moq_test name)
    cmake_parse_arguments(ARG "" "" "SOURCES;DEPS" ${ARGN})
    add_executable(test_${name} ${ARG_SOURCES})
    moq_settings(test_${name})
    target_link_options(test_${name} PRIVATE -fno-lto)
    moq_link(test_${name} ${ARG_DEPS} cmocka)
    set_target_properties(test_${name} PROPERTIES RUNTIME_OUTPUT_DIRECTORY ${CMAKE_BINARY_DIR}/tests)
    add_test(NAME ${name} COMMAND test_${name})
    set_tests_properties(${name} PROPERTIES LABELS "${MOQ_TEST_GROUP}" TIMEOUT ${MOQ_TEST_TIMEOUT_S})
endfunction()
